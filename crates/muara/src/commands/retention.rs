//! `muara retention`: what is kept how long, what is due to go and what keeps it, and holds.

use anyhow::{Context, ensure};
use clap::Subcommand;
use jiff::civil::Date;
use model::{ComplaintId, Reference};
use store::{PgPool, retention, staff::Staff};

use super::{citizen, now};
use crate::{config::Config, connect, storage};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The rules, how much each would remove now, how much stays all the same and why, and the holds.
    Status,
    /// Remove what is due now. The role `dispatch` does it once a day; two at once take turns.
    Run {
        /// Only say what would go, by which rule, and what stays and why.
        #[arg(long)]
        dry_run: bool,
    },
    /// Begin a rule; the one for the same that counted before ends the day before.
    Rule {
        /// contact, words, files (of closed complaints); reasons, requests, mails (by age).
        data: String,
        /// For how many days.
        #[arg(long)]
        days: i32,
        /// Where it was read.
        #[arg(long)]
        source: String,
        /// Somebody read the text of the rule itself.
        #[arg(long)]
        verified: bool,
        /// Of one category only, by its code.
        #[arg(long)]
        category: Option<String>,
        /// `complaint`, `information_request`, `aspiration` or `other`.
        #[arg(long)]
        kind: Option<String>,
        /// From which day on.
        #[arg(long)]
        from: Date,
        /// Login of the admin who says so.
        #[arg(long)]
        by: String,
    },
    /// Remove nothing of a complaint until the hold ends, whoever asks.
    Hold {
        /// The complaint's number.
        number: Reference,
        /// Why: a case at a court, an audit.
        #[arg(long)]
        reason: String,
        /// Login of the admin who says so.
        #[arg(long)]
        by: String,
    },
    /// End a hold.
    Release {
        /// The complaint's number.
        number: Reference,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Login of the admin who says so.
        #[arg(long)]
        by: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::Status => status(&db).await,
        Command::Run { dry_run: true } => foretell(&db).await,
        Command::Run { dry_run: false } => remove(config, &db).await,
        Command::Rule { data, days, source, verified, category, kind, from, by } => {
            let by = citizen::admin(&db, &by).await?;
            let (category, kind) = (category.as_deref(), kind.as_deref());
            let new = retention::NewRule { data: &data, category, kind, days, source: &source, verified, from };
            let mut tx = store::begin(&db).await?;
            retention::begin(&mut tx, &new, Some(by.id), now())
                .await
                .context("the rule was not taken: look at data, kind, category and days")?;
            store::commit(tx).await?;
            println!("From {from} on: {data}, {days} days.");
            Ok(())
        }
        Command::Hold { number, reason, by } => {
            let (id, by) = meant(&db, &number, &reason, &by).await?;
            let mut tx = store::begin(&db).await?;
            ensure!(retention::hold(&mut tx, id, number, &reason, by.id, now()).await?, "{number} is under a hold already");
            store::commit(tx).await?;
            println!("Nothing of {number} is removed from now on.");
            Ok(())
        }
        Command::Release { number, reason, by } => {
            let (id, by) = meant(&db, &number, &reason, &by).await?;
            let mut tx = store::begin(&db).await?;
            ensure!(retention::release(&mut tx, id, number, &reason, by.id, now()).await?, "{number} is under no hold");
            store::commit(tx).await?;
            println!("The hold of {number} has ended.");
            Ok(())
        }
    }
}

async fn meant(db: &PgPool, number: &Reference, reason: &str, by: &str) -> anyhow::Result<(ComplaintId, Staff)> {
    ensure!(!reason.trim().is_empty(), "the reason is empty");
    let complaint = store::complaint::by_reference(db, number).await?.with_context(|| format!("there is no complaint {number}"))?;
    Ok((complaint.id, citizen::admin(db, by).await?))
}

async fn status(db: &PgPool) -> anyhow::Result<()> {
    let counts = retention::counts(db, now()).await?;
    for rule in retention::rules(db, now()).await? {
        let of: Vec<&str> = [rule.category.as_deref(), rule.kind.as_deref()].into_iter().flatten().collect();
        let of = if of.is_empty() { "everything".to_owned() } else { of.join(", ") };
        let from = rule.from.map(|day| format!(" from {day}")).unwrap_or_default();
        let until = rule.until.map(|day| format!(" until {day}")).unwrap_or_default();
        let read = if rule.verified { "verified" } else { "not verified" };
        println!("{}  {} of {of}: {} days{from}{until} ({}; {read})", rule.id, rule.data, rule.days, rule.source);
        for (_, keeps, n) in counts.iter().filter(|(id, ..)| *id == rule.id) {
            match keeps {
                None => println!("   {n} due"),
                Some(why) => println!("   {n} due, but kept: {}", because(why)),
            }
        }
    }
    for hold in retention::holds(db).await? {
        println!("Hold on {} since {} by {}: {}", hold.reference, hold.since.strftime("%Y-%m-%d"), hold.by, hold.reason);
    }
    match retention::ran_at(db).await? {
        Some(ran) => println!("Applied last at {ran}."),
        None => println!("Never applied yet."),
    }
    Ok(())
}

/// Why something stays, in words.
pub(crate) fn because(word: &str) -> &str {
    match word {
        "hold" => "it is under a hold",
        "open" => "it is open",
        "silence" => "its citizen may still say that it is not settled",
        "contested" => "its closing is contested and waits for a second person",
        "unreached" => "its citizen has to be told something yet",
        "under_way" => "a reply or a file is under way",
        other => other,
    }
}

/// Nobody reads more at once; the rest is counted.
const MOST: i64 = 1000;

async fn foretell(db: &PgPool) -> anyhow::Result<()> {
    let due = retention::due(db, now(), MOST).await?;
    for one in &due {
        match &one.keeps {
            None => println!("{}\t{}\tgoes by rule {}", one.reference, one.data, one.rule),
            Some(why) => println!("{}\t{}\tstays: {}", one.reference, one.data, because(why)),
        }
    }
    let all: i64 = retention::counts(db, now()).await?.iter().map(|(.., n)| n).sum();
    println!("{} shown of {all} that are older than their rule allows. Nothing was removed.", due.len());
    Ok(())
}

/// Complaints of one transaction.
const AT_ONCE: i64 = 50;

async fn remove(config: &Config, db: &PgPool) -> anyhow::Result<()> {
    let mut removed = 0;
    loop {
        let batch = retention::remove(db, now(), AT_ONCE).await?;
        ensure!(!batch.elsewhere, "a role removes at this moment: run this again afterwards");
        removed += batch.removed;
        if batch.removed == 0 {
            break;
        }
    }
    retention::ran(db, now()).await?;
    println!("{removed} things were removed.");
    citizen::remove_files(db, &*storage::open(&config.storage)?).await
}
