//! What arrived, read out of the database by `psql` in a transaction that may write nothing: no door of the product is made for this.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context, bail};

/// A message that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedMessage {
    /// The complaint it belongs to.
    pub complaint: Option<String>,
    /// How many rows have this name: more than one cannot be.
    pub rows: u32,
}

/// A reply that is owed or was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedReply {
    /// Its name.
    pub id: String,
    /// What it says: `received`, `forwarded`, …
    pub kind: String,
    /// The last that was heard of it; empty: nothing.
    pub receipt: String,
}

/// What is in the database.
#[derive(Debug, Clone, Default)]
pub struct Arrived {
    /// By adapter and the platform's name of it; of a mail, its Message-ID alone.
    pub messages: BTreeMap<(String, String), ArrivedMessage>,
    /// The number of each complaint that came by a message.
    pub references: BTreeMap<String, String>,
    /// The replies of each complaint.
    pub replies: BTreeMap<String, Vec<ArrivedReply>>,
    /// In which incident each complaint is.
    pub incidents: BTreeMap<String, String>,
    /// Pairs that wait for a person's word.
    pub suggested: Vec<(String, String)>,
}

const MESSAGES: &str = "select m.adapter, m.platform_id, coalesce(m.complaint::text, ''), coalesce(c.reference, '') \
                        from message as m left join complaint as c on c.id = m.complaint";
const REPLIES: &str = "select complaint, id, kind, coalesce(receipt, '') from reply where complaint is not null";
const INCIDENTS: &str = "select complaint, incident from incident_member";
const SUGGESTED: &str = "select complaint, other from suggestion where state in ('open', 'later')";

impl Arrived {
    /// Reads it, in one snapshot for each question.
    ///
    /// # Errors
    /// `psql` is not there, or the database does not answer.
    pub fn read(database: &str) -> anyhow::Result<Self> {
        let mut arrived = Self::default();
        for [adapter, id, complaint, reference] in ask(database, MESSAGES)? {
            let name = if adapter == "email" { mail_name(&id) } else { id };
            let complaint = Some(complaint).filter(|complaint| !complaint.is_empty());
            if let Some(complaint) = &complaint {
                arrived.references.insert(complaint.clone(), reference);
            }
            let entry = arrived.messages.entry((adapter, name)).or_insert(ArrivedMessage { complaint, rows: 0 });
            entry.rows += 1;
        }
        for [complaint, id, kind, receipt] in ask(database, REPLIES)? {
            arrived.replies.entry(complaint).or_default().push(ArrivedReply { id, kind, receipt });
        }
        arrived.incidents = ask(database, INCIDENTS)?.into_iter().map(|[complaint, incident]| (complaint, incident)).collect();
        arrived.suggested = ask(database, SUGGESTED)?.into_iter().map(|[one, other]| (one, other)).collect();
        Ok(arrived)
    }
}

/// `<name@host>#hash` without what the adapter adds.
fn mail_name(id: &str) -> String {
    let name = id.rsplit_once('#').map_or(id, |(name, _)| name);
    name.trim_matches(['<', '>']).to_owned()
}

fn ask<const N: usize>(database: &str, question: &str) -> anyhow::Result<Vec<[String; N]>> {
    let mut psql = Command::new("psql");
    psql.env("PGOPTIONS", "-c default_transaction_read_only=on").args(["-X", "-A", "-t", "-F", "\t", "-d", database, "-c", question]);
    let output = psql.output().context("psql is needed to look what arrived: install PostgreSQL's client")?;
    if !output.status.success() {
        bail!("the database does not answer: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout).context("the database said something that is no text")?;
    let row = |line: &str| {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        <[String; N]>::try_from(fields).map_err(|fields| anyhow::anyhow!("{} columns instead of {N}", fields.len()))
    };
    text.lines().filter(|line| !line.is_empty()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::mail_name;

    #[test]
    fn a_mail_is_known_by_its_own_name() {
        assert_eq!(mail_name("banjir-1-2@warga.example.id#0123456789abcdef"), "banjir-1-2@warga.example.id");
        assert_eq!(mail_name("<banjir@warga.example.id>#0"), "banjir@warga.example.id");
        assert_eq!(mail_name("plain"), "plain");
    }
}
