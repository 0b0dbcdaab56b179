//! Pages of who sets the system up. What they change is written into the audit in the same transaction.

pub(crate) mod audit;
pub(crate) mod balance;
pub(crate) mod channel_pause;
pub(crate) mod channels;
pub(crate) mod directory;
pub(crate) mod escalation;
pub(crate) mod notices;
pub(crate) mod parked;
pub(crate) mod parked_content;
pub(crate) mod parked_drop;
pub(crate) mod parked_retry;
pub(crate) mod requests;
pub(crate) mod staff;
pub(crate) mod staff_active;
pub(crate) mod staff_add;
pub(crate) mod staff_close;
pub(crate) mod staff_factor;
pub(crate) mod staff_named;
pub(crate) mod staff_password;

use model::StaffId;
use ui::{Link, Page, Visit};
use watch::Severity;

use crate::{Rooms, WebError, page, session::SignedIn};

fn frame(rooms: &Rooms, visit: &Visit, by: &SignedIn, title: &str) -> Page {
    let mut page = page::staff(rooms, visit, by, page::words(visit.language).t(title));
    let now = rooms.watched().look().map_or(0, |look| look.count(Severity::Now));
    if now > 0 {
        page.banner = Some(Link { href: "/admin".to_owned(), label: page.count("channels.banner", &now), here: false });
    }
    page
}

/// Writes one entry, in a transaction of its own.
async fn noted(rooms: &Rooms, by: StaffId, action: &str, subject: &str, detail: &serde_json::Value) -> Result<(), WebError> {
    let mut tx = store::begin(rooms.db()).await?;
    store::audit::write(&mut tx, rooms.now(), Some(by), action, subject, detail).await?;
    Ok(store::commit(tx).await?)
}
