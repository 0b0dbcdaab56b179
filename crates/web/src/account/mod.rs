//! Signing in and out, and one's own password.

pub(crate) mod password;
pub(crate) mod sign_in;
pub(crate) mod sign_out;

use std::sync::LazyLock;

use tokio::sync::Semaphore;

use crate::WebError;

/// Checking a password takes a core for tens of milliseconds and 19 MiB: a flood of tries must leave the machine to others.
static AT_ONCE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4));

/// Does slow password work where it may block, a few at a time.
pub(crate) async fn slowly<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, WebError> {
    let _turn = AT_ONCE.acquire().await.expect("the semaphore is never closed");
    Ok(tokio::task::spawn_blocking(work).await?)
}
