//! Which server process answers: what an earlier one acknowledged it may not have synced.

use std::time::Duration;

use crate::Bus;

/// How often we look: nobody is in a hurry to hear of a new server.
const LOOK: Duration = Duration::from_millis(500);

impl Bus {
    /// The id that the server process gave itself when it started: another one after every start.
    pub fn server(&self) -> String {
        self.inner.client.try_server_info().map(|info| info.server_id).unwrap_or_default()
    }

    /// Waits until another server process than `known` answers, and says which.
    pub async fn other_server(&self, known: &str) -> String {
        loop {
            let server = self.server();
            // Empty: none has introduced itself yet.
            if !server.is_empty() && server != known {
                return server;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
