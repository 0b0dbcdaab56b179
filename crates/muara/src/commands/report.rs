//! `muara report`: the report of a month as a pack: the six elements, the figures, how they were counted, and what the audit's chain says.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use model::Language;

use super::now;
use crate::{config::Config, connect};

#[derive(Args)]
pub(crate) struct Report {
    /// Of which month: `2026-10`.
    #[arg(long, value_parser = month)]
    month: Date,
    /// Where to write it; else `laporan-<month>.zip` here.
    #[arg(long)]
    out: Option<PathBuf>,
    /// In English.
    #[arg(long)]
    english: bool,
}

fn month(word: &str) -> Result<Date, String> {
    let day = format!("{word}-01").parse::<Date>().ok().filter(|day| (2000..2200).contains(&day.year()));
    day.ok_or_else(|| "say a month as 2026-10".to_owned())
}

pub(crate) async fn run(config: &Config, report: Report) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let directory = store::directory::load(&db).await?;
    let language = if report.english { Language::En } else { Language::Id };
    let bytes = web::pack(&db, &config.site(), &directory, report.month, now(), language).await?;
    let out = report.out.unwrap_or_else(|| PathBuf::from(format!("laporan-{}.zip", report.month.strftime("%Y-%m"))));
    std::fs::write(&out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
    println!("Wrote {} ({} bytes).", out.display(), bytes.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_year_and_a_month() {
        assert_eq!(month("2026-10"), Ok(jiff::civil::date(2026, 10, 1)));
        for wrong in ["", "2026", "2026-13", "10-2026", "2026-10-01", "0001-01"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }
}
