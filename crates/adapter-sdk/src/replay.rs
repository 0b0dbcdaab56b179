//! `replay`: stored raw messages through this release's parser, compared with what was made of them then.
//!
//! What was made then lies beside each raw message ([`Bus::made_of`]). Events that are there already are never published again; one with the
//! same key and other contents is shown and left alone, because the core keeps the first. New ones are published like any other, and
//! should one be known to the core all the same, its key keeps it from being recorded twice.

use std::{collections::HashSet, fmt::Write as _, io};

use bus::Bus;
use model::{Event, Raw, Timestamp};
use similar::TextDiff;

use crate::{ReplayError, normalize::Normalize};

/// Which messages, and whether anything is published.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    /// Messages that the door took at this time or later.
    pub from: Timestamp,
    /// And before this one.
    pub to: Timestamp,
    /// Only show.
    pub dry_run: bool,
}

/// What was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Raw messages, each once however often it was delivered.
    pub messages: u64,
    /// Those of which this release makes what was made then.
    pub same: u64,
    /// Events that are made otherwise now: shown, not published.
    pub changed: u64,
    /// Events that were not made then: published, unless it is a dry run.
    pub new: u64,
    /// Events that are not made any more.
    pub gone: u64,
    /// Raw messages that cannot be parsed.
    pub unparsable: u64,
}

/// Runs over everything that is stored.
pub(crate) async fn over_all(
    normalize: &Normalize,
    bus: &Bus,
    span: Replay,
    out: &mut (dyn io::Write + Send),
) -> Result<Replayed, ReplayError> {
    let mut reader = bus.raw_since(&normalize.name, span.from).await?;
    let mut seen = HashSet::new();
    let mut replayed = Replayed::default();
    while let Some(raw) = reader.next().await? {
        let in_span = (span.from..span.to).contains(&raw.received_at);
        if in_span && seen.insert(bus::raw_hash(&raw)) {
            one(normalize, bus, &raw, span.dry_run, &mut replayed, out).await?;
        }
    }
    reader.close().await?;
    Ok(replayed)
}

async fn one(
    normalize: &Normalize,
    bus: &Bus,
    raw: &Raw,
    dry_run: bool,
    replayed: &mut Replayed,
    out: &mut (dyn io::Write + Send),
) -> Result<(), ReplayError> {
    replayed.messages += 1;
    let then = bus.made_of(raw).await?;
    let now = match normalize.parse(raw) {
        Ok(now) => now,
        Err(error) => {
            replayed.unparsable += 1;
            let before = if then.is_some() { "cannot be parsed any more" } else { "cannot be parsed" };
            return Ok(writeln!(out, "{}  {}  {before}: {error}", raw.received_at, raw.trace)?);
        }
    };
    let compared = compare(then.as_deref().unwrap_or_default(), &now);
    if compared.is_same() {
        replayed.same += 1;
        return Ok(());
    }
    replayed.changed += compared.changed.len() as u64;
    replayed.gone += compared.gone.len() as u64;
    replayed.new += compared.new.len() as u64;
    write!(out, "{}", compared.told(raw, then.is_some()))?;
    if !dry_run && !compared.new.is_empty() {
        normalize.publish_late(raw, compared.new.clone(), then.unwrap_or_default()).await?;
    }
    Ok(())
}

/// What differs.
#[derive(Default)]
struct Compared {
    changed: Vec<(String, String)>,
    new: Vec<Event>,
    gone: Vec<Event>,
}

fn compare(then: &[Event], now: &[Event]) -> Compared {
    let mut compared = Compared::default();
    for event in now {
        match then.iter().find(|old| identity(old) == identity(event)) {
            None => compared.new.push(event.clone()),
            Some(old) if written(old) != written(event) => compared.changed.push((name(event), diff(&written(old), &written(event)))),
            Some(_) => {}
        }
    }
    compared.gone.extend(then.iter().filter(|old| !now.iter().any(|event| identity(event) == identity(old))).cloned());
    compared
}

impl Compared {
    fn is_same(&self) -> bool {
        self.changed.is_empty() && self.new.is_empty() && self.gone.is_empty()
    }

    fn told(&self, raw: &Raw, known: bool) -> String {
        let mut text = String::new();
        let mut line = |what: &str, event: &str| {
            let _ = writeln!(text, "{}  {}  {what}: {event}", raw.received_at, raw.trace);
        };
        let fresh = if known { "new" } else { "new (nothing is known of what was made then: parked, or long ago)" };
        self.new.iter().for_each(|event| line(fresh, &name(event)));
        self.gone.iter().for_each(|event| line("not made any more", &name(event)));
        for (event, diff) in &self.changed {
            let _ = write!(text, "{}  {}  made otherwise (the core keeps the first): {event}\n{diff}", raw.received_at, raw.trace);
        }
        for event in &self.new {
            text.push_str(&diff("", &written(event)));
        }
        text
    }
}

/// What makes an event itself, whatever else is in it.
fn identity(event: &Event) -> String {
    match event {
        Event::OptOut { .. } | Event::OptIn { .. } | Event::Moved { .. } | Event::Receipts { .. } => written(event),
        Event::Message(_) | Event::Receipt(_) | Event::Notice(_) | Event::Withdrawn { .. } => name(event),
    }
}

/// Its identity for people: a citizen's address is none of it.
fn name(event: &Event) -> String {
    match event {
        Event::Message(inbound) => format!("message {} of {}", inbound.key.id, inbound.key.account),
        Event::Receipt(receipt) => {
            let of = receipt.platform_id.clone().or_else(|| receipt.reply.map(|reply| reply.to_string())).unwrap_or_default();
            format!("receipt {} of {of}", receipt.state.as_str())
        }
        Event::Receipts { receipts } => format!("{} receipts", receipts.len()),
        Event::OptOut { .. } => "opt-out".to_owned(),
        Event::OptIn { .. } => "opt-in".to_owned(),
        Event::Moved { .. } => "move of a citizen".to_owned(),
        Event::Notice(notice) => format!("notice {} of {} at {}", notice.word, notice.subject, notice.at),
        Event::Withdrawn { key, .. } => format!("withdrawal of {} of {}", key.id, key.account),
    }
}

fn written(event: &Event) -> String {
    serde_json::to_string_pretty(event).unwrap_or_default() + "\n"
}

/// Changed lines with two around them, indented.
fn diff(then: &str, now: &str) -> String {
    let diff = TextDiff::from_lines(then, now);
    let mut text = String::new();
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        for change in hunk.iter_changes() {
            let _ = write!(text, "    {}{}", change.tag(), change);
        }
    }
    text
}

/// Counted for people.
impl std::fmt::Display for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { messages, same, changed, new, gone, unparsable } = self;
        write!(
            f,
            "{messages} raw messages: {same} as then, {unparsable} that cannot be parsed; events: {new} new, {changed} made otherwise, {gone} not made any more"
        )
    }
}

#[cfg(test)]
mod tests {
    use model::{AdapterName, Receipt, ReceiptState};

    use super::*;

    fn receipt(id: &str, account: &str) -> Event {
        let adapter: AdapterName = "chat".parse().expect("a name");
        let (reply, platform_id) = (None, Some(id.to_owned()));
        Event::Receipt(Receipt {
            reply,
            platform_id,
            adapter,
            account: account.into(),
            state: ReceiptState::Read,
            at: Timestamp::UNIX_EPOCH,
            file_refused: None,
        })
    }

    #[test]
    fn new_gone_changed_and_same_are_told_apart() {
        let then = [receipt("same", "1"), receipt("changed", "1"), receipt("gone", "1")];
        let now = [receipt("same", "1"), receipt("changed", "2"), receipt("new", "1")];
        let compared = compare(&then, &now);
        assert_eq!((compared.new.len(), compared.gone.len(), compared.changed.len()), (1, 1, 1));
        assert!(compare(&then, &then).is_same());
        let diff = &compared.changed[0].1;
        assert!(diff.contains("-  \"account\": \"1\"") && diff.contains("+  \"account\": \"2\""), "{diff}");
        assert!(!diff.contains("same"), "{diff}");
    }
}
