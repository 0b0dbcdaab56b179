//! The only crate that knows SQL: plain functions, one file a table. The first argument says whether a function joins a transaction
//! (`&mut Tx`) or is one statement of its own (`&PgPool`). What citizens wrote is never logged here, nor put into an error.

pub mod access;
#[cfg(feature = "bare")]
mod aside;
pub mod attachment;
pub mod audit;
pub mod backup;
pub mod balance;
#[cfg(feature = "bare")]
pub mod bare;
pub mod block;
pub mod channel;
pub mod citizen;
pub mod clocks;
pub mod closing;
pub mod complaint;
pub mod connect;
pub mod consult;
pub mod contact;
mod convert;
pub mod desk;
pub mod directory;
pub mod dispatch;
pub mod draft;
pub mod ended;
mod error;
pub mod escalation;
pub mod evidence;
pub mod factor;
pub mod figures;
pub mod guard;
pub mod incident;
pub mod learned;
pub mod likeness;
pub mod live;
pub mod look;
#[cfg(feature = "bare")]
pub mod made;
pub mod mailing;
pub mod message;
pub mod missed;
pub mod notice;
pub mod oidc;
pub mod passkey;
mod password;
pub mod person;
pub mod present;
pub mod queue;
pub mod reach;
pub mod reply;
pub mod request;
pub mod retention;
pub mod rules;
pub mod saved;
pub mod search;
pub mod staff;
pub mod task;
pub mod telephone;
pub mod template;
pub mod tries;
pub mod vault;
pub mod work_message;

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use error::StoreError;
pub use sqlx::PgPool;

/// A transaction. Dropped without [`commit`], nothing of it happened.
pub type Tx = sqlx::Transaction<'static, sqlx::Postgres>;

/// What every function here returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// How long a caller waits for a connection before it hears [`StoreError::Unavailable`]: a page may still say sorry in time.
const WAIT_FOR_A_CONNECTION: Duration = Duration::from_secs(5);

/// How long a connection that is given back has to show that it still carries anything. One that a firewall forgot, or whose server lost its
/// power, says nothing for ever: without this it would hold its place in the pool as long.
const SHOWS_LIFE_WITHIN: Duration = Duration::from_secs(5);

/// Opens a pool of at most `connections`. One connection is made at once, so that a wrong address is known at once; whoever wants to
/// wait for a server that is still starting calls again.
pub async fn connect(url: &str, connections: u32) -> Result<PgPool> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::from_sqlx)?;
    // A statement that runs for half a minute is lost anyway: it must not hold its locks for ever.
    let options = options
        .application_name("muara")
        .options([("statement_timeout", "30s"), ("idle_in_transaction_session_timeout", "60s"), ("timezone", "UTC")])
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WAIT_FOR_A_CONNECTION)
        .after_release(|connection, _| {
            Box::pin(async move {
                let alive = tokio::time::timeout(SHOWS_LIFE_WITHIN, connection.ping()).await;
                alive.map_err(|_silent| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?.map(|()| true)
            })
        })
        .connect_with(options)
        .await
        .map_err(StoreError::from_sqlx)
}

/// Brings the tables to what this program expects. Several processes may call it at once: one does it, the others wait.
pub async fn migrate(db: &PgPool) -> Result<()> {
    // A connection of its own, without the time limit: an index on a large table takes longer, and so does waiting for who makes it.
    let mut connection = db.acquire().await.map_err(StoreError::from_sqlx)?.detach();
    sqlx::query("set statement_timeout = 0").execute(&mut connection).await.map_err(StoreError::from_sqlx)?;
    sqlx::migrate!("../../migrations").run(&mut connection).await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
    connection.close().await.map_err(StoreError::from_sqlx)
}

/// Begins a transaction.
pub async fn begin(db: &PgPool) -> Result<Tx> {
    db.begin().await.map_err(StoreError::from_sqlx)
}

/// Makes it durable: after `Ok`, no crash undoes it.
pub async fn commit(tx: Tx) -> Result<()> {
    tx.commit().await.map_err(StoreError::from_sqlx)
}

/// Makes this process the only one at something, by any number that is its own, until the transaction ends; `false`: another one is at it.
pub(crate) async fn only_one(tx: &mut Tx, at_what: i64) -> Result<bool> {
    sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "locked!""#, at_what)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)
}
