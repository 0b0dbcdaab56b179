//! Who may see what: the one place. Which complaints somebody sees ([`Scope`], [`may_see`]), and of those, who wrote them ([`read`]). Lists, counts
//! and searches take the scope too, and `shown` in their `where` is the same rule; a test reads them all. What each grade means is in
//! `model::privacy`; why this is a module and not row security of the database, in decision 36.

use jiff::Timestamp;
use model::{
    AgencyId, Complaint, ComplaintId, Directory, Role, Visibility,
    privacy::{Identity, UNMASKED, identity},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, audit,
    convert::{At, at},
    message::{self, RecordedMessage},
    reply::{self, SentReply},
    staff::Staff,
};

/// Which complaints a member of staff may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every one but what is confidential: triage and admins.
    Everything,
    /// What this agency has or had, was asked about, or has just across the border of an area of its own, but for what is confidential: officers and supervisors.
    Agency(AgencyId),
    /// What came in through this office, but for what is confidential: clerks. An office has one account, whatever the way in.
    Office(String),
    /// What is confidential too, for who is named for it: every one, or what this inspectorate has or had.
    Confided(Option<AgencyId>),
}

impl Scope {
    /// What this person may see. An account that lacks what its role needs sees nothing.
    pub fn of(staff: &Staff) -> Self {
        let agency = staff.agency.unwrap_or(AgencyId(Uuid::nil()));
        match (staff.role, staff.confided) {
            (Role::Clerk, _) => Self::Office(staff.office.clone().unwrap_or_default()),
            (Role::Triage | Role::Admin, false) => Self::Everything,
            (Role::Triage | Role::Admin, true) => Self::Confided(None),
            (Role::Officer | Role::Supervisor, false) => Self::Agency(agency),
            (Role::Officer | Role::Supervisor, true) => Self::Confided(Some(agency)),
        }
    }

    pub(crate) fn agency(&self) -> Option<Uuid> {
        match self {
            Self::Agency(agency) | Self::Confided(Some(agency)) => Some(agency.0),
            Self::Everything | Self::Office(_) | Self::Confided(None) => None,
        }
    }

    /// The agency at which it ends, if it ends at one.
    pub fn own_agency(&self) -> Option<AgencyId> {
        if let Self::Agency(agency) | Self::Confided(Some(agency)) = self { Some(*agency) } else { None }
    }

    /// Whether it ends at one agency.
    pub fn is_of_an_agency(&self) -> bool {
        self.own_agency().is_some()
    }

    pub(crate) fn office(&self) -> Option<&str> {
        if let Self::Office(office) = self { Some(office) } else { None }
    }

    /// Whether what is confidential is in it. Goes wherever the agency goes.
    pub(crate) fn confided(&self) -> bool {
        matches!(self, Self::Confided(_))
    }
}

/// The agencies below this one, and those below them. A supervisor sees their figures, but opens none of their complaints: numbers below
/// [`FEW`] are not said, because they could name somebody.
pub fn below(directory: &Directory, own: AgencyId) -> Vec<AgencyId> {
    let mut all = vec![own];
    let mut at = 0;
    while let Some(&upper) = all.get(at) {
        let lower = directory.parents.iter().filter(|(lower, parent)| **parent == upper && !all.contains(lower));
        all.extend(lower.map(|(lower, _)| *lower).collect::<Vec<_>>());
        at += 1;
    }
    all.split_off(1)
}

/// The smallest number that is said to who may not see what it counts; a smaller one could name somebody. That there is none may be said.
pub const FEW: u64 = 5;

/// Whether this complaint is in the scope. The door to a complaint's page, its files and its actions.
pub async fn may_see(db: &PgPool, scope: &Scope, complaint: ComplaintId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (
             select 1 from complaint c
             where c.id = $1
               and ($2::uuid is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = $2)
                 or exists (select 1 from consultation k where k.complaint = c.id and k.asked = $2)
                 or exists (select 1 from near_border n where n.complaint = c.id and n.agency = $2))
               and ($3::text is null or c.account = $3)
               and shown(c.visibility, $4)
           ) as "found!""#,
        complaint.0,
        scope.agency(),
        scope.office(),
        scope.confided(),
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(found)
}

/// Whether a reader is shown who wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Yes: anybody who sees the complaint is.
    Shown,
    /// Until then, because they said why.
    Until(Timestamp),
    /// Not yet: they may say why.
    OnRequest,
    /// No.
    Never,
}

impl Who {
    /// Whether names and addresses are there.
    pub fn is_shown(self) -> bool {
        matches!(self, Self::Shown | Self::Until(_))
    }
}

/// What was said about a complaint, as far as its reader may know it. Where they may not know who wrote, no name, no address and no platform's word
/// about one is in it.
#[derive(Debug)]
pub struct Talk {
    /// The citizen's messages, the oldest first.
    pub messages: Vec<RecordedMessage>,
    /// Ours.
    pub replies: Vec<SentReply>,
    /// Whether its reader is shown who wrote.
    pub who: Who,
}

/// What was said, for somebody who may see the complaint: whether they may is [`may_see`]'s.
pub async fn read(db: &PgPool, reader: &Staff, complaint: &Complaint, now: Timestamp) -> Result<Talk> {
    let mut talk = Talk {
        messages: message::of_complaint(db, complaint.id).await?,
        replies: reply::of_complaint(db, complaint.id).await?,
        who: who(db, reader, complaint, now).await?,
    };
    if !talk.who.is_shown() {
        talk.messages.iter_mut().for_each(mask);
        for reply in &mut talk.replies {
            reply.draft.to.address = nobody(complaint);
            reply.error = reply.error.take().filter(|error| error == reply::BLOCKED);
            reply.file_error = None;
        }
    }
    Ok(talk)
}

fn mask(message: &mut RecordedMessage) {
    message.sender_name = None;
    message.sender = None;
    message.contact.clear();
    for file in &mut message.attachments {
        file.filename = None;
    }
}

/// An address that is nobody's.
fn nobody(complaint: &Complaint) -> model::Address {
    model::Address::new("unknown", &complaint.reference.to_string()).expect("a number is a path without control characters")
}

/// Whether this reader is shown who wrote this complaint.
pub async fn who(db: &PgPool, reader: &Staff, complaint: &Complaint, now: Timestamp) -> Result<Who> {
    match identity(complaint.visibility, reader.role) {
        Identity::Shown => Ok(Who::Shown),
        Identity::Never => Ok(Who::Never),
        Identity::OnRequest => Ok(unmasked_until(db, reader, complaint.id, now).await?.map_or(Who::OnRequest, Who::Until)),
    }
}

async fn unmasked_until(db: &PgPool, reader: &Staff, complaint: ComplaintId, now: Timestamp) -> Result<Option<Timestamp>> {
    let until = sqlx::query_scalar!(
        r#"select until as "until: At" from unmasking where complaint = $1 and staff = $2 and until > $3"#,
        complaint.0,
        reader.id.0,
        at(now) as At
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(until.map(At::to_jiff))
}

/// Shows this person who wrote this complaint, for a while, and writes down that they asked and why. `None`: nobody may ask that of it.
/// Whether they may see the complaint is [`may_see`]'s; the reason is not empty.
pub async fn unmask(tx: &mut Tx, by: &Staff, complaint: &Complaint, reason: &str, now: Timestamp) -> Result<Option<Timestamp>> {
    if identity(complaint.visibility, by.role) != Identity::OnRequest {
        return Ok(None);
    }
    let until = now.checked_add(UNMASKED).unwrap_or(now);
    sqlx::query!(
        "insert into unmasking (complaint, staff, until)
        values ($1, $2, $3)
        on conflict (complaint, staff) do update set until = excluded.until",
        complaint.id.0,
        by.id.0,
        at(until) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let detail = json!({ "grade": complaint.visibility.as_str(), "until": until });
    let number = complaint.reference.to_string();
    audit::write_about(tx, now, Some(by.id), "complaint.unmasked", &[complaint.id], &number, detail, Some(reason)).await?;
    Ok(Some(until))
}

/// Writes down that somebody changed a grade, and ends what they and others were shown under the old one.
pub async fn regraded(tx: &mut Tx, by: &Staff, complaint: &Complaint, from: Visibility, reason: &str, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from unmasking where complaint = $1", complaint.id.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    let detail = json!({ "from": from.as_str(), "to": complaint.visibility.as_str() });
    let number = complaint.reference.to_string();
    audit::write_about(tx, now, Some(by.id), "complaint.regraded", &[complaint.id], &number, detail, Some(reason)).await
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn what_is_below_is_found_at_any_depth_and_once_also_in_a_ring() {
        let of = |n| AgencyId(Uuid::from_u128(n));
        let mut directory = Directory {
            parents: [(2, 1), (3, 2), (4, 2), (5, 9)].map(|(lower, upper)| (of(lower), of(upper))).into(),
            ..Directory::default()
        };
        assert_eq!(below(&directory, of(1)), [2, 3, 4].map(of));
        assert_eq!(below(&directory, of(5)), []);
        directory.parents.insert(of(1), of(4));
        assert_eq!(below(&directory, of(1)), [2, 3, 4].map(of));
    }

    /// Every function of this crate that narrows by a reader's agency or office must narrow by grade as well.
    #[test]
    fn no_statement_narrows_by_agency_and_forgets_the_grade() {
        let mut functions = 0;
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).expect("text");
                for function in text.split("\nfn ").flat_map(|part| part.split("fn ")).filter(|part| part.contains("scope.agency()")) {
                    let (name, body) = function.split_once('(').expect("a function");
                    // Shows what was found by others, which narrow it.
                    if name == "read" || name == "no_statement_narrows_by_agency_and_forgets_the_grade" {
                        continue;
                    }
                    functions += 1;
                    let narrowed = body.contains("scope.confided()") || body.matches("in ('public', 'hidden')").count() >= 2;
                    assert!(narrowed, "{name} in {}", path.display());
                }
            }
        }
        assert!(functions >= 6, "found {functions}");
    }
}
