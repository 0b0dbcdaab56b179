//! The bus against a real nats-server, one for each test.

mod connecting;
mod consuming;
mod house;
mod large;
mod outage;
mod parking;
mod permissions;
mod publishing;
mod remembering;
mod world;
