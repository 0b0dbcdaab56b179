//! What the database tells at once: for pages that stay open, and for loops that would otherwise look now and then. Notifications may be
//! lost when a connection breaks: whoever listens also looks by itself from time to time.

use std::time::Duration;

use futures::{StreamExt, future, stream, stream::BoxStream};
use model::ComplaintId;
use sqlx::postgres::PgListener;

use crate::{PgPool, Result, StoreError, Tx};

/// Something to do appeared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// An attachment in quarantine.
    Attachment,
    /// A dispatch to send.
    Dispatch,
    /// A reply to publish.
    Reply,
}

/// What became another one, of which complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Its history grew.
    Steps(ComplaintId),
    /// Somebody of the staff came to its page, began to write, or left.
    Present(ComplaintId),
}

/// Complaints as their history grows, also those of other processes. Holds one connection of its own, and makes a new one when it breaks.
pub async fn listen(db: &PgPool) -> Result<BoxStream<'static, ComplaintId>> {
    let steps = changes(db).await?.filter_map(|change| {
        let Change::Steps(complaint) = change else { return future::ready(None) };
        future::ready(Some(complaint))
    });
    Ok(steps.boxed())
}

/// The same, and who is at them. Holds one connection of its own, and makes a new one when it breaks.
pub async fn changes(db: &PgPool) -> Result<BoxStream<'static, Change>> {
    let told = notifications(db, &["complaint", "present"]).await?;
    let changes = told.flat_map(|(channel, payload)| {
        let change = if channel == "present" { Change::Present } else { Change::Steps };
        let changes: Vec<Change> = payload.split(',').filter_map(|id| id.parse().ok()).map(change).collect();
        stream::iter(changes)
    });
    Ok(changes.boxed())
}

/// Work as it appears. Holds one connection of its own, and makes a new one when it breaks.
pub async fn work(db: &PgPool) -> Result<BoxStream<'static, Work>> {
    let told = notifications(db, &["work"]).await?;
    let work = told.filter_map(|(_, payload)| {
        let work = match payload.as_str() {
            "attachment" => Some(Work::Attachment),
            "dispatch" => Some(Work::Dispatch),
            "reply" => Some(Work::Reply),
            _ => None,
        };
        future::ready(work)
    });
    Ok(work.boxed())
}

/// How long to wait before a broken connection is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Each with its channel.
async fn notifications(db: &PgPool, channels: &[&str]) -> Result<BoxStream<'static, (String, String)>> {
    let mut listener = PgListener::connect_with(db).await.map_err(StoreError::from_sqlx)?;
    listener.listen_all(channels.iter().copied()).await.map_err(StoreError::from_sqlx)?;
    let told = stream::unfold(listener, |mut listener| async move {
        loop {
            match listener.recv().await {
                Ok(notification) => return Some(((notification.channel().to_owned(), notification.payload().to_owned()), listener)),
                // The listener connects and listens again by itself with the next call; a closed pool is the end.
                Err(sqlx::Error::PoolClosed) => return None,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    });
    Ok(told.boxed())
}

/// Says that something about a complaint can be seen anew, where no step of its history says so; heard when the transaction is done.
pub(crate) async fn tell(tx: &mut Tx, complaint: ComplaintId) -> Result<()> {
    sqlx::query!(r#"select pg_notify('complaint', $1) as "told!: ()""#, complaint.to_string())
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}
