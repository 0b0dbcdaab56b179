//! `muara agency`: how agencies hear of complaints, and what they did not hear.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use model::{Directory, DispatchId, Language, OpeningHours, clock::Office};
use serde_json::json;
use store::{
    PgPool,
    dispatch::{SendKind, Sending},
};

use super::now;
use crate::{config::Config, connect};

/// How many are listed at once.
const MOST: u16 = 100;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every agency, with its code.
    List,
    /// Say how an agency hears of complaints from now on. What waits to be sent goes that way too.
    Set {
        /// Its code: `dbm`.
        code: String,
        /// queue, email, webhook, open311 or blackhole
        #[arg(long, value_parser = kind)]
        send: SendKind,
        /// An e-mail address, or an address on the web.
        #[arg(long)]
        target: Option<String>,
        /// A file that holds the key of the signature or of the API.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Say when an agency works, where that is not Monday to Friday, half past seven to four. Running deadlines are counted anew.
    Hours {
        /// Its code: `damkar`.
        code: String,
        /// As its door says it: `mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30`. Without it: as everywhere.
        hours: Option<OpeningHours>,
        /// It works on days off too.
        #[arg(long)]
        on_holidays: bool,
    },
    /// Say that an agency looks into breaches of duty: what is confidential is given to it, and to no agency that is none.
    Inspectorate {
        /// Its code: `inspektorat`.
        code: String,
        /// It does not any more.
        #[arg(long)]
        no: bool,
    },
    /// Say which agency is above another: it may pass complaints down to it, and take them back.
    Parent {
        /// Code of the lower one: `dbm-selatan`.
        code: String,
        /// Code of the upper one: `dbm`. Without it: none is above.
        parent: Option<String>,
    },
    /// What was not sent, or may have been: a person must look.
    Unsent,
    /// Send one of these again, after looking whether it arrived.
    Resend {
        /// Its id in the list.
        id: DispatchId,
    },
}

fn kind(word: &str) -> Result<SendKind, String> {
    let words = SendKind::ALL.map(SendKind::as_str).join(", ");
    SendKind::from_word(word).ok_or_else(|| format!("say one of {words}"))
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::List => {
            for agency in store::directory::load(&db).await?.agencies.values() {
                println!("{}\t{}", agency.code, agency.name);
            }
            Ok(())
        }
        Command::Set { code, send, target, secret_file } => {
            let secret = secret_file.as_deref().map(secret).transpose()?;
            check(send, target.as_deref(), secret.as_deref())?;
            let set = store::directory::set_way(&db, &code, send, target.as_deref(), secret.as_deref()).await?;
            anyhow::ensure!(set, "no agency has the code {code}");
            println!("{code} hears of complaints by {}.", send.as_str());
            Ok(())
        }
        Command::Hours { code, hours, on_holidays } => {
            let office = Office { hours, on_holidays };
            anyhow::ensure!(store::directory::set_office(&db, &code, &office).await?, "no agency has the code {code}");
            let said = office.hours.map_or_else(|| "as everywhere".to_owned(), |hours| hours.in_words(Language::En));
            println!("{code} works {said}{}.", if on_holidays { ", on days off too" } else { "" });
            Ok(())
        }
        Command::Inspectorate { code, no } => {
            let mut tx = store::begin(&db).await?;
            anyhow::ensure!(store::directory::set_inspectorate(&mut tx, &code, !no).await?, "no agency has the code {code}");
            store::audit::write(&mut tx, now(), None, "agency.inspectorate", &code, &json!({ "is": !no })).await?;
            store::commit(tx).await?;
            println!(
                "{code} is {} inspectorate. Name who sees what is confidential: muara staff name <login> --reason <why>",
                if no { "no" } else { "an" }
            );
            Ok(())
        }
        Command::Parent { code, parent } => {
            let set = store::directory::set_parent(&db, &code, parent.as_deref()).await?;
            anyhow::ensure!(set, "an agency with that code does not exist, or would be below itself");
            println!("{}", parent.map_or_else(|| format!("No agency is above {code}."), |parent| format!("{parent} is above {code}.")));
            Ok(())
        }
        Command::Unsent => unsent(&db).await,
        Command::Resend { id } => {
            anyhow::ensure!(store::dispatch::send_again(&db, id, now()).await?, "nothing with the id {id} was left unsent");
            println!("{id} is sent again.");
            Ok(())
        }
    }
}

fn secret(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// What the loop would refuse for every complaint is refused here, once.
fn check(send: SendKind, target: Option<&str>, secret: Option<&str>) -> anyhow::Result<()> {
    let target = target.unwrap_or_default();
    let on_the_web = target.starts_with("https://") || target.starts_with("http://");
    match send {
        SendKind::Queue | SendKind::Blackhole => Ok(()),
        SendKind::Email if target.contains('@') => Ok(()),
        SendKind::Email => anyhow::bail!("--target must be an e-mail address"),
        SendKind::Webhook if secret.is_none_or(str::is_empty) => anyhow::bail!("a webhook is signed: give its key with --secret-file"),
        SendKind::Webhook | SendKind::Open311 if on_the_web => Ok(()),
        SendKind::Webhook | SendKind::Open311 => anyhow::bail!("--target must be an address on the web"),
    }
}

async fn unsent(db: &PgPool) -> anyhow::Result<()> {
    let directory = store::directory::load(db).await?;
    let sendings = store::dispatch::refused(db, MOST).await?;
    for sending in &sendings {
        println!("{}", line(sending, &directory));
    }
    println!("{} shown, at most {MOST}.", sendings.len());
    Ok(())
}

fn line(sending: &Sending, directory: &Directory) -> String {
    let agency = directory.agency_name(sending.agency);
    let error = sending.error.as_deref().unwrap_or_default();
    format!("{}\t{}\t{agency}\t{} tries\t{error}", sending.id, sending.reference, sending.attempts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_could_never_work_is_refused() {
        assert!(check(SendKind::Queue, None, None).is_ok());
        assert!(check(SendKind::Email, Some("a@dinas.example"), None).is_ok());
        assert!(check(SendKind::Email, Some("dinas.example"), None).is_err());
        assert!(check(SendKind::Webhook, Some("https://dinas.example"), Some("kunci")).is_ok());
        assert!(check(SendKind::Webhook, Some("https://dinas.example"), None).is_err());
        assert!(check(SendKind::Open311, Some("https://dinas.example"), None).is_ok());
        assert!(check(SendKind::Open311, None, None).is_err());
    }
}
