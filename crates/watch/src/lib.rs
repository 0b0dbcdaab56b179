//! How it goes with every channel: what the database and the bus know, put together ([`look`]) and judged ([`Alarm`]), now and again and again
//! ([`keep_watch`]). The page for administrators, `muara channel list` and the metrics say the same because they all ask here.
//!
//! [`balance`] counts days: whether everything that was said yes to is somewhere.
//!
//! Two things are kept apart as everywhere: a [`Way`] is an official way in, a row; a [`Program`] is the adapter behind one or more of them.

mod alarm;
pub mod balance;
mod judge;
mod keep;
mod look;
mod measure;

pub use alarm::{Alarm, Severity};
pub use keep::{Last, keep_watch};
pub use look::{Look, Program, Way, look};
