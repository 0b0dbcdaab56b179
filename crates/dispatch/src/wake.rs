//! When the loops work: at once when the database says there is something, and now and then by themselves, because a notification may be
//! lost and a pause may end.

use std::{fmt::Display, time::Duration};

use bus::Stop;
use futures::StreamExt;
use store::{PgPool, live::Work};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{info, warn};

/// Rung when there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    pub(crate) agencies: Notify,
    pub(crate) replies: Notify,
    /// Nobody rings: the calendar is looked at now and then.
    pub(crate) clocks: Notify,
    /// Nobody rings: what failed is looked for now and then, a few seconds after the platform's no.
    pub(crate) reach: Notify,
}

/// How long a loop sleeps when nobody rings: short enough for a pause of seconds, long enough to cost nothing.
const LOOK: Duration = Duration::from_secs(5);
/// The first pause after a failure; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// No round takes so long: the longest wait is one for a mail server or an agency's API, a minute and a half. A round that does waits for a
/// connection that carries nothing any more; what it had claimed is claimed again when its lease ends.
const LONGEST_ROUND: Duration = Duration::from_mins(4);

/// How much a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// As much as one round takes: there may be more.
    Full,
    /// Everything that was due.
    Drained,
}

/// Listens until `stop`. Without a connection to listen on, the loops still look by themselves.
pub(crate) async fn ring(db: &PgPool, bell: &Bell, stop: &Stop) {
    let listen = async {
        loop {
            if let Ok(mut work) = store::live::work(db).await {
                // What came before we listened: looked for once.
                bell.agencies.notify_one();
                bell.replies.notify_one();
                while let Some(work) = work.next().await {
                    match work {
                        Work::Dispatch => bell.agencies.notify_one(),
                        Work::Reply => bell.replies.notify_one(),
                        Work::Attachment => (),
                    }
                }
            }
            sleep(LOOK).await;
        }
    };
    let _ = stop.run_until_cancelled(listen).await;
}

/// Works rounds off until `stop`: one after the other while there is more, then when the bell rings. Never in the middle of a round.
pub(crate) async fn work_off<E, F>(name: &'static str, bell: &Notify, stop: &Stop, mut round: impl FnMut() -> F)
where
    E: std::error::Error + 'static,
    F: Future<Output = Result<Round, E>>,
{
    let mut pause = FIRST_PAUSE;
    let mut failing = false;
    while !stop.is_cancelled() {
        match timeout(LONGEST_ROUND, round()).await {
            Err(_silent) => warn!("A round of the loop {name} took too long and begins anew: the database said nothing."),
            Ok(Ok(done)) => {
                if std::mem::take(&mut failing) {
                    info!("The loop {name} works again.");
                }
                pause = FIRST_PAUSE;
                if done == Round::Drained {
                    let rest = async {
                        tokio::select! { () = bell.notified() => (), () = sleep(LOOK) => () }
                    };
                    let _ = stop.run_until_cancelled(rest).await;
                }
            }
            Ok(Err(error)) => {
                if !std::mem::replace(&mut failing, true) {
                    warn!("The loop {name} fails and tries again: {}.", causes(&error));
                }
                let _ = stop.run_until_cancelled(sleep(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> impl Display {
    let first = error.to_string();
    std::iter::successors(error.source(), |cause| cause.source()).fold(first, |line, cause| format!("{line}: {cause}"))
}
