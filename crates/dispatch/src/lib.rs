//! What goes out: complaints to agencies, replies to the bus, and mails to staff; and what follows from time alone: clocks that are counted anew,
//! that end, and complaints that are closed, and what is kept no longer; and replies that failed. Loops over work lists of the database; each claims a few rows
//! for a while (a lease), does its work with no transaction open, and settles each row by the lease it holds.

mod accounts;
mod agencies;
mod clocks;
mod closing;
mod consultations;
mod escalation;
mod known;
mod mails;
mod notice;
mod reach;
mod replies;
mod retention;
mod send;
mod tasks;
mod wake;
mod work_messages;

use std::sync::Arc;

use bus::{Bus, Stop};
use futures::{FutureExt, future::BoxFuture};
use model::{Language, Site, Timestamp};
use object_store::ObjectStore;
use outgoing::Http;
use store::PgPool;

pub use accounts::AccountMails;
pub use agencies::Agencies;
pub use clocks::Clocks;
pub use closing::Closing;
pub use consultations::ConsultationMails;
pub use escalation::{EscalationMails, Escalations};
pub use mails::Mails;
pub use reach::Reach;
pub use replies::Replies;
pub use retention::Retention;
pub use send::email::{Mail, MailError, MailSettings, Tls};
pub use tasks::TaskMails;
pub use work_messages::WorkMessages;

/// What the loops need.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub db: PgPool,
    /// The bus, to which replies go.
    pub bus: Bus,
    /// Where the photos are that go along with replies.
    pub files: Arc<dyn ObjectStore>,
    /// How this installation speaks of itself.
    pub site: Site,
    /// The language agencies are written to.
    pub language: Language,
    /// For webhooks and Open311.
    pub http: Http,
    /// For mail; without it a dispatch by mail waits, and staff see why.
    pub mail: Option<Mail>,
}

/// Runs the loops until `stop`. What is being sent then is finished first: at most a minute and a half.
pub fn run(context: Context, stop: Stop) -> BoxFuture<'static, ()> {
    let Context { db, bus, files, site, language, http, mail } = context;
    let bell = Arc::new(wake::Bell::default());
    let mails = EscalationMails::new(db.clone(), site.clone(), language, mail.clone());
    let consultations = ConsultationMails::new(db.clone(), site.clone(), language, mail.clone());
    let tasks = TaskMails::new(db.clone(), site.clone(), language, mail.clone());
    let accounts = AccountMails::new(db.clone(), site.clone(), language, mail.clone());
    let work_messages = WorkMessages::new(db.clone(), bus.clone(), site.clone(), language);
    let agencies = Agencies::new(db.clone(), site.clone(), language, http, mail);
    let (clocks, escalations, closing) = (Clocks { db: db.clone() }, Escalations::new(db.clone()), Closing::new(db.clone()));
    let reach = Reach { db: db.clone(), zone: site.zone };
    let retention = Retention::new(db.clone(), Arc::clone(&files));
    let replies = Replies { db: db.clone(), bus, site, files };
    async move {
        tokio::join!(
            wake::ring(&db, &bell, &stop),
            wake::work_off("dispatch.agencies", &bell.agencies, &stop, || agencies.round(now())),
            wake::work_off("dispatch.replies", &bell.replies, &stop, || replies.round(now())),
            wake::work_off("dispatch.clocks", &bell.clocks, &stop, || clocks.round(now())),
            wake::work_off("dispatch.escalations", &bell.clocks, &stop, || escalations.round(now())),
            wake::work_off("dispatch.escalation_mails", &bell.clocks, &stop, || mails.round(now())),
            wake::work_off("dispatch.task_mails", &bell.clocks, &stop, || tasks.round(now())),
            wake::work_off("dispatch.work_messages", &bell.clocks, &stop, || work_messages.round(now())),
            wake::work_off("dispatch.consultation_mails", &bell.clocks, &stop, || consultations.round(now())),
            wake::work_off("dispatch.account_mails", &bell.clocks, &stop, || accounts.round(now())),
            wake::work_off("dispatch.closing", &bell.clocks, &stop, || closing.round(now())),
            wake::work_off("dispatch.retention", &bell.clocks, &stop, || retention.round(now())),
            wake::work_off("dispatch.reach", &bell.reach, &stop, || reach.round(now())),
        );
    }
    .boxed()
}

#[expect(clippy::disallowed_methods, reason = "the edge where the loops learn the time; everything below is given it")]
fn now() -> Timestamp {
    Timestamp::now()
}
