//! Intake against a real PostgreSQL, and where files are concerned a real NATS.

mod blocks;
mod city;
mod connect;
mod events;
mod files;
mod flood;
mod guard;
mod incidents;
mod joining;
mod once;
mod opening;
mod photos;
mod questions;
mod same;
mod scenes;
mod vouchers;
