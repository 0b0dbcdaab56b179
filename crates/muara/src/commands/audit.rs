//! `muara audit`: what staff did, as a chain that shows what was altered.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::Subcommand;
use jiff::{civil::Date, tz::TimeZone};
use model::Timestamp;
use serde_json::json;
use store::{
    PgPool,
    audit::{self, Anchor, Fault, Verified, Wrong, hex},
};

use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Compute every hash anew. Names the first entry that was altered, is missing or was put there; ends with 1 if there is one.
    Verify {
        /// What `muara audit anchor` printed once: also finds an end that was cut off and a chain that was written anew. May be repeated.
        #[arg(long, value_name = "NUMBER:HASH", value_parser = anchor)]
        anchor: Vec<Anchor>,
        /// A file of anchors, one a line.
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
    },
    /// Print number and hash of the latest entry, to be kept where nobody who runs the database can reach it.
    Anchor,
    /// Print entries with their hashes, one JSON object a line, the oldest first.
    Export {
        /// From this day on, in the zone of the site.
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<Date>,
        /// To this day, with it.
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: Option<Date>,
    },
}

fn anchor(text: &str) -> Result<Anchor, String> {
    text.parse().map_err(str::to_owned)
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::Verify { anchor, anchors } => {
            let mut kept = anchor;
            if let Some(file) = anchors {
                let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    kept.push(line.parse().map_err(anyhow::Error::msg).with_context(|| format!("in {}", file.display()))?);
                }
            }
            let verified = audit::verify(&db, &kept).await?;
            println!("{}", say(&verified, kept.len())?);
            Ok(())
        }
        Command::Anchor => {
            println!("{}", audit::anchor(&db).await?);
            Ok(())
        }
        Command::Export { from, to } => {
            let zone = config.site().zone.time_zone();
            let from = from.map(|day| begin_of(day, &zone)).transpose()?;
            let to = to.map(|day| begin_of(day.tomorrow()?, &zone)).transpose()?;
            export(&db, from, to).await
        }
    }
}

fn begin_of(day: Date, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    Ok(day.to_zoned(zone.clone())?.timestamp())
}

/// What to print; an error, with its words, if something does not fit.
fn say(verified: &Verified, anchors: usize) -> anyhow::Result<String> {
    let Verified { fine, fault, last } = verified;
    match fault {
        None => {
            let kept = match anchors {
                0 => "no anchor was given: without one, an end that was cut off or a chain that was written anew may not show".to_owned(),
                1 => "the anchor is among them".to_owned(),
                many => format!("the {many} anchors are among them"),
            };
            Ok(format!("{fine} entries fit; {kept}.\nThe latest: {last}"))
        }
        Some(Fault { number: Some(number), wrong: Wrong::Altered }) => {
            bail!("entry {number} was altered after it was written; {fine} entries before it fit")
        }
        Some(Fault { number: Some(number), wrong: Wrong::Missing }) => bail!("entry {number} is missing; {fine} entries before it fit"),
        Some(Fault { number: Some(number), wrong: Wrong::Inserted }) => {
            bail!("entry {number} was put there past the program; {fine} entries before it fit")
        }
        Some(Fault { number: None, wrong: Wrong::Inserted }) => {
            bail!("an entry without a number was put there past the program; the {fine} numbered ones fit")
        }
        Some(Fault { number: None, .. }) => bail!("the end of the chain (table audit_chain) is gone; {fine} entries fit each other"),
    }
}

async fn export(db: &PgPool, from: Option<Timestamp>, to: Option<Timestamp>) -> anyhow::Result<()> {
    let mut tx = audit::moment(db).await?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut after = None;
    loop {
        let links = audit::links(&mut tx, after, from, to).await?;
        let Some(end) = links.last() else { break };
        after = Some((end.number, end.id));
        for link in links {
            let line = json!({
                "number": link.number, "id": link.id, "at": link.at, "staff": link.staff, "who": link.who, "action": link.action,
                "subject": link.subject, "detail": link.detail, "previous": hex(&link.previous), "hash": hex(&link.hash),
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_an_error_that_names_it() {
        let verified = |fault| Verified { fine: 16, fault, last: Anchor { number: 16, hash: [1; 32] } };
        let fine = say(&verified(None), 1).expect("all is well");
        assert!(fine.contains("16 entries fit; the anchor is among them") && fine.contains("16:0101"), "{fine}");
        assert!(say(&verified(None), 0).expect("all is well").contains("no anchor was given"));
        for (wrong, words) in [(Wrong::Altered, "17 was altered"), (Wrong::Missing, "17 is missing"), (Wrong::Inserted, "17 was put there")]
        {
            let said = say(&verified(Some(Fault { number: Some(17), wrong })), 0).expect_err("it does not fit").to_string();
            assert!(said.contains(words) && said.contains("16 entries before it"), "{said}");
        }
    }
}
