//! `muara channel list`: how it goes with every open channel, as a table or as JSON.

use std::fmt::Write;

use bus::Bus;
use model::{Timestamp, clock::Zone};
use serde_json::{Value, json};
use watch::{Alarm, Last, Look, Program, Way};

use crate::{commands::now, config::Config, connect};

pub(crate) async fn run(config: &Config, as_json: bool) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let bus: Bus = connect::bus(config, "muara channel").await?;
    let directory = store::directory::load(&db).await?;
    let look = watch::look(&db, &bus, &directory, now(), &Last::default()).await?;
    let zone = directory.calendar.zone;
    if as_json {
        println!("{:#}", to_json(&look, zone));
    } else {
        print!("{}", to_table(&look, zone));
    }
    Ok(())
}

const HEAD: [&str; 10] = ["CHANNEL", "ADAPTER", "ACCOUNT", "STATE", "TODAY", "7 DAYS", "LAST MESSAGE", "WAITING", "FAILED", "HOURS"];

/// What needs somebody first; the reasons beneath it.
fn to_table(look: &Look, zone: Zone) -> String {
    let ways = look.by_need();
    let rows: Vec<[String; 10]> =
        std::iter::once(HEAD.map(str::to_owned)).chain(ways.into_iter().map(|way| row(way, look, zone))).collect();
    let mut widths = [0; 10];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    if !look.bus {
        text += "\nThe bus does not answer: nothing is known of the programs.\n";
    }
    let alarms: Vec<(String, &Alarm)> = look.alarms().collect();
    if !alarms.is_empty() {
        text.push('\n');
    }
    for (whose, alarm) in alarms {
        let _ = writeln!(text, "{} {whose}: {alarm}.", if alarm.severity() == watch::Severity::Now { "!!" } else { " !" });
    }
    if look.parked > 0 {
        let _ = writeln!(text, "\n{} messages are parked: `muara parked list`.", look.parked);
    }
    text
}

fn row(way: &Way, look: &Look, zone: Zone) -> [String; 10] {
    let program = look.programs.get(&way.channel.adapter);
    let failed: u64 = way.failed.iter().map(|failed| failed.replies).sum();
    [
        way.channel.label.clone(),
        way.channel.adapter.to_string(),
        way.channel.account.clone(),
        state(way, program, look),
        way.today.to_string(),
        way.week.to_string(),
        way.last_message.map_or_else(|| "-".to_owned(), |at| ago(at, look.at)),
        way.due.as_ref().map_or(0, |due| due.replies).to_string(),
        failed.to_string(),
        hours(way, look.at, zone),
    ]
}

/// `mon-thu 07:30-16:00 (closed now)`; nothing where nobody wrote any down, as where no door closes.
fn hours(way: &Way, now: Timestamp, zone: Zone) -> String {
    let Some(hours) = &way.channel.hours else { return String::new() };
    format!("{hours} ({} now)", if hours.is_open(now, zone) { "open" } else { "closed" })
}

/// The worst in one or two words.
fn state(way: &Way, program: Option<&Program>, look: &Look) -> String {
    let alive = match program {
        _ if !look.bus => "unknown",
        Some(program) if program.is_alive(look.at) => "alive",
        Some(Program { said: Some(_), .. }) => "missing",
        _ => "never heard",
    };
    let mut words = vec![alive];
    words.extend(way.alarms.iter().map(Alarm::name));
    words.extend(way.paused.as_ref().map(|_| "paused"));
    words.join(", ")
}

/// `5 min`, `3 h`, `12 d`.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - at.as_second()).max(0);
    match seconds {
        0..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn to_json(look: &Look, zone: Zone) -> Value {
    json!({
        "at": look.at,
        "bus": look.bus,
        "parked": look.parked,
        "channels": look.by_need().into_iter().map(|way| channel(way, look, zone)).collect::<Vec<_>>(),
        "work_lists": alarms(&look.late),
        "programs": look.programs.iter().map(|(name, one)| program(name.as_str(), one, look.at)).collect::<Vec<_>>(),
    })
}

fn channel(way: &Way, look: &Look, zone: Zone) -> Value {
    let alive = look.programs.get(&way.channel.adapter).is_some_and(|program| program.is_alive(look.at));
    json!({
        "adapter": way.channel.adapter,
        "account": way.channel.account,
        "label": way.channel.label,
        "area": way.channel.area,
        "from": way.channel.from,
        "until": way.channel.until,
        "hours": way.channel.hours,
        "open_now": way.channel.hours.as_ref().map(|hours| hours.is_open(look.at, zone)),
        "alive": alive,
        "messages_today": way.today,
        "messages_7_days": way.week,
        "last_message": way.last_message,
        "last_reply": way.last_reply,
        "has_rhythm": way.has_rhythm,
        "replies_waiting": way.due.as_ref().map_or(0, |due| due.replies),
        "replies_waiting_since": way.due.as_ref().map(|due| due.oldest),
        "replies_failed": way.failed.iter().map(|failed| json!({ "code": failed.code, "replies": failed.replies, "last_day": failed.lately })).collect::<Vec<_>>(),
        "paused": way.paused.as_ref().map(|pause| json!({ "since": pause.since, "reason": pause.reason })),
        "alarms": alarms(&way.alarms),
    })
}

fn program(name: &str, program: &Program, now: Timestamp) -> Value {
    let queue = |backlog: &Option<bus::Backlog>| backlog.as_ref().map(|one| json!({ "waiting": one.waiting, "oldest": one.oldest }));
    json!({
        "adapter": name,
        "alive": program.is_alive(now),
        "has_channel": program.has_row,
        "parked": program.parked,
        "raw": queue(&program.raw),
        "replies": queue(&program.replies),
        "said": program.said,
        "alarms": alarms(&program.alarms),
    })
}

fn alarms(alarms: &[Alarm]) -> Vec<Value> {
    alarms.iter().map(|one| json!({ "alarm": one.name(), "severity": one.severity().as_str(), "says": one.to_string() })).collect()
}
