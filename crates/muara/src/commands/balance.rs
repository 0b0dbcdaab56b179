//! `muara balance`: whether everything that was said yes to on a day is somewhere.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use jiff::{SignedDuration, civil::Date};
use serde_json::json;
use store::balance::{Day, Sum};
use watch::balance::{Looking, State, balance};

use super::now;
use crate::{config::Config, connect};

#[derive(Args)]
pub(crate) struct Balance {
    /// The day, in the zone of the site; without it, today.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
    /// What is younger than this is taken to be on its way.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = time)]
    patience: Duration,
    /// For other programs.
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|_| "write a time like 15m or 2h".to_owned())?;
    Duration::try_from(span).map_err(|_| "a time is not negative".to_owned())
}

pub(crate) async fn run(config: &Config, asked: Balance) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let bus = connect::bus(config, "muara balance").await?;
    let directory = store::directory::load(&db).await?;
    let (now, zone) = (now(), config.site().zone);
    let day = asked.day.unwrap_or_else(|| now.to_zoned(zone.time_zone()).date());
    let patience = SignedDuration::try_from(asked.patience).context("that is too long")?;
    let days = balance(&db, &bus, &directory, Looking { day, zone, now, patience }).await?;
    if asked.json {
        println!("{}", serde_json::to_string_pretty(&days.iter().map(as_json).collect::<Vec<_>>())?);
    } else {
        print!("{}", as_text(&days));
    }
    let missing: u64 = days.iter().flat_map(|day| &day.sums).filter(|sum| sum.state == State::Missing.as_str()).map(|sum| sum.count).sum();
    if missing > 0 {
        bail!("the balance of {day} does not sum: {missing} missing");
    }
    if !asked.json {
        println!("The balance of {day} sums.");
    }
    Ok(())
}

fn as_json(day: &Day) -> serde_json::Value {
    let sum = |sum: &Sum| json!({ "part": sum.part, "account": sum.account, "state": sum.state, "count": sum.count });
    let missing: Vec<_> = day
        .missing
        .iter()
        .map(|missing| {
            let trace = missing.trace.map(|trace| trace.to_string());
            json!({ "kind": missing.kind, "account": missing.account, "name": missing.name, "seen": missing.seen, "trace": trace })
        })
        .collect();
    json!({ "day": day.day.to_string(), "adapter": day.adapter, "sums": day.sums.iter().map(sum).collect::<Vec<_>>(), "missing": missing })
}

/// An equation a line, and below them what is missing.
fn as_text(days: &[Day]) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    for day in days.iter().filter(|day| !day.sums.is_empty()) {
        let mut equations: Vec<(&str, &str, Vec<&Sum>)> = Vec::new();
        for sum in &day.sums {
            match equations.iter_mut().find(|(part, account, _)| *part == sum.part && *account == sum.account) {
                Some((.., sums)) => sums.push(sum),
                None => equations.push((&sum.part, &sum.account, vec![sum])),
            }
        }
        for (part, account, sums) in equations {
            let total: u64 = sums.iter().map(|sum| sum.count).sum();
            let terms: Vec<String> = sums.iter().map(|sum| format!("{} {}", sum.count, word(part, &sum.state))).collect();
            let whose = if account.is_empty() { day.adapter.to_string() } else { format!("{} {account}", day.adapter) };
            line(format!("{whose}\t{total} {} = {}", what(part), terms.join(" + ")));
        }
    }
    for day in days {
        for missing in &day.missing {
            line(format!("MISSING\t{} {}\t{}\t{}", day.adapter, missing.kind, missing.name, missing.seen));
        }
    }
    text
}

fn what(part: &str) -> &'static str {
    match part {
        "door" => "taken at the door",
        "message" => "messages in what was read",
        _ => "replies owed",
    }
}

fn word(part: &str, state: &str) -> String {
    match (part, state) {
        ("door", "done") => "read".to_owned(),
        ("message", "done") => "recorded".to_owned(),
        (_, "done") => "at the platform".to_owned(),
        (_, "again") => "known again".to_owned(),
        (_, "task") => "refused with a task".to_owned(),
        (_, "went_on") => "refused and gone on".to_owned(),
        (_, "refused") => "refused and shown".to_owned(),
        (_, "unknown") => "perhaps sent".to_owned(),
        (_, other) => other.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equation_is_a_line_and_what_is_missing_has_its_name() {
        let sum =
            |part: &str, account: &str, state: &str, count| Sum { part: part.into(), account: account.into(), state: state.into(), count };
        let day = Day {
            day: "2026-11-22".parse().expect("a day"),
            adapter: "chat".parse().expect("a name"),
            looked_at: jiff::Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
            sums: vec![
                sum("door", "", "done", 4),
                sum("door", "", "missing", 1),
                sum("message", "1", "again", 2),
                sum("message", "1", "done", 3),
            ],
            missing: vec![store::balance::Missing {
                account: None,
                kind: "number".into(),
                name: "d#5".into(),
                seen: "taken".into(),
                trace: None,
            }],
        };
        let text = as_text(&[day]);
        assert!(text.contains("chat\t5 taken at the door = 4 read + 1 missing\n"), "{text}");
        assert!(text.contains("chat 1\t5 messages in what was read = 2 known again + 3 recorded\n"), "{text}");
        assert!(text.contains("MISSING\tchat number\td#5\ttaken\n"), "{text}");
        assert!(time("-1m").is_err() && time("soon").is_err() && time("2h").is_ok());
    }
}
