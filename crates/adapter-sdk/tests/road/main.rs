//! The adapter's part of the road, on a real NATS server, against a platform that fails in every way.

mod chat;
mod world;

mod clustered;
mod doors;
mod outages;
mod polled;
mod probed;
mod replayed;
mod replies;
mod said;
mod slow;
