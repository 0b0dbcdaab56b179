//! Signing in and out, one's own password, passkeys, second factor and invitation.

pub(crate) mod factor;
pub(crate) mod invitation;
pub(crate) mod oidc;
pub(crate) mod passkey;
pub(crate) mod password;
mod pause;
mod second;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod telephone;
pub(crate) mod totp;

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

/// A hash that no password fits, for who has yet to set one: checking against it takes as long as against any other.
pub(crate) async fn no_password() -> Result<String, WebError> {
    slowly(|| store::staff::hash_password(&store::factor::easy_secret())).await
}
