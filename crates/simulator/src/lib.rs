//! A city that complains: plays the platforms over their real protocols, for demos, load and faults.
//!
//! ```no_run
//! # async fn play() -> std::io::Result<()> {
//! let platform = simulator::Platform::start().await?;
//! platform.text("0810 0000 0001", "Lampu jalan di Jl. Contoh mati");
//! platform.deliver("http://127.0.0.1:8101/webhook", "the app's secret").await;
//! let answer = platform.wait_for("0810 0000 0001", |message| message.text.contains("Nomor")).await;
//! # Ok(())
//! # }
//! ```

pub mod city;
mod clock;
pub mod demo;
pub mod exif;
pub mod flood;
mod graph;
pub mod load;
mod platform;
mod random;
pub mod scene;
pub mod sms;
mod state;
pub mod telegram;
pub mod web;
pub mod webhook;
pub mod x;

pub use platform::{Options, Order, Platform};
pub use random::Random;
pub use state::{Endpoint, Fault, Form, Received, WindowErrors};
