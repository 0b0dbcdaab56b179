//! One connection a process.
use crate::BusError;
use secrecy::SecretString;

/// Where the bus is, and who we are there.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// `nats://127.0.0.1:4222`; several servers of a cluster with commas between.
    pub url: String,
    /// The user, where the server asks for one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// What the server's monitoring calls us: the process, not the user.
    pub name: String,
    /// How many servers keep each message: 1, or 3 in a cluster. Read by [`Bus::ensure`] alone.
    pub replicas: usize,
}

/// The bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus {}

impl Bus {
    /// Waits until a server of version 2.10 or newer answers; refuses an older one.
    pub async fn connect(_config: &BusConfig) -> Result<Self, BusError> {
        todo!()
    }
}
