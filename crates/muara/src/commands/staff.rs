//! `muara staff`: who works here.

use std::{fs, io::Write as _, path::Path};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Subcommand;
use model::{Agency, Directory, Language, Role, masked_mail};
use serde_json::json;
use store::{
    PgPool,
    staff::{NewStaff, Staff},
};

use super::now;
use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every account.
    List,
    /// Make an account. Its password is read from a file, or made and printed once.
    Add {
        /// What they type to sign in.
        login: String,
        /// Their name.
        #[arg(long)]
        name: String,
        /// clerk, triage, officer, supervisor or admin
        #[arg(long)]
        role: Role,
        /// Code of their agency: for officers and supervisors.
        #[arg(long)]
        agency: Option<String>,
        /// Account of the desk channel whose office they sit in: for clerks.
        #[arg(long)]
        office: Option<String>,
        /// Where they are written to: links for passwords, escalations.
        #[arg(long)]
        email: Option<String>,
        /// Of their pages and mails: id or en
        #[arg(long, default_value = "id", value_parser = ["id", "en"])]
        language: String,
        /// A file that holds the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<std::path::PathBuf>,
    },
    /// Make a link with which somebody sets their own password: good for 72 hours, once. Their password until now opens nothing any more.
    Invite {
        /// Whose.
        login: String,
        /// Send it to the address that the account has, instead of printing it.
        #[arg(long)]
        mail: bool,
    },
    /// Take the second factor off somebody who lost their phone and their recovery codes; their passkeys too.
    FactorOff {
        /// Whose.
        login: String,
        /// Why: it is written down.
        #[arg(long)]
        reason: String,
    },
    /// Name somebody for what is confidential: who routes, an admin, or who works at an inspectorate. As long as nobody is named, admins see it.
    Name {
        /// Whom.
        login: String,
        /// Why: it is written down.
        #[arg(long)]
        reason: String,
        /// Not any more.
        #[arg(long)]
        no: bool,
    },
    /// Give somebody a new password. It is read from a file, or made and printed once.
    Passwd {
        /// Whose.
        login: String,
        /// A file that holds the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<std::path::PathBuf>,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::List => list(&db).await,
        Command::Add { login, name, role, agency, office, email, language, password_file } => {
            let email = email.as_deref();
            anyhow::ensure!(email.is_none_or(model::is_mail_address), "{} is no mail address", email.unwrap_or_default());
            let directory = store::directory::load(&db).await?;
            let agency = agency.map(|code| agency_by_code(&directory, &code).map(|agency| agency.id)).transpose()?;
            let language = Language::from_tag(&language);
            let new = NewStaff { login: login.to_lowercase(), name, role, agency, office, language };
            let password = password(password_file.as_deref())?;
            anyhow::ensure!(create(&db, &new, email, &password).await?, "there is an account {} already", new.login);
            say_once(&new.login, &password, password_file.is_some());
            Ok(())
        }
        Command::Invite { login, mail } => invite(&db, config, &login, mail).await,
        Command::FactorOff { login, reason } => {
            anyhow::ensure!(!reason.trim().is_empty(), "the reason is empty");
            let staff = known(&db, &login).await?;
            let mut tx = store::begin(&db).await?;
            anyhow::ensure!(store::factor::remove_all(&mut tx, staff.id).await?, "{} has no second factor", staff.login);
            store::audit::write(&mut tx, now(), None, "staff.factor_taken", &staff.login, &json!({ "reason": reason })).await?;
            store::commit(tx).await?;
            println!("{}: the second factor is off, passkeys too, and all sessions have ended.", staff.login);
            Ok(())
        }
        Command::Name { login, reason, no } => {
            anyhow::ensure!(!reason.trim().is_empty(), "the reason is empty");
            let staff = known(&db, &login).await?;
            let mut tx = store::begin(&db).await?;
            let set = store::staff::set_named(&mut tx, staff.id, !no).await?;
            anyhow::ensure!(set, "{} neither routes nor works at an inspectorate: see `muara agency inspectorate`", staff.login);
            let action = if no { "staff.unnamed" } else { "staff.named" };
            store::audit::write(&mut tx, now(), None, action, &staff.login, &json!({ "reason": reason })).await?;
            store::commit(tx).await?;
            println!("{} {} what is confidential.", staff.login, if no { "is not named any more for" } else { "is named for" });
            Ok(())
        }
        Command::Passwd { login, password_file } => {
            let password = password(password_file.as_deref())?;
            let staff = known(&db, &login).await?;
            let mut tx = store::begin(&db).await?;
            store::staff::set_password(&mut tx, staff.id, &store::staff::hash_password(&password)).await?;
            store::staff::only_the_password(&mut tx, staff.id).await?;
            store::audit::write(&mut tx, now(), None, "staff.password", &staff.login, &json!({})).await?;
            store::commit(tx).await?;
            say_once(&login, &password, password_file.is_some());
            Ok(())
        }
    }
}

/// Makes a link and prints it, or has it sent: `dispatch` makes it then.
async fn invite(db: &PgPool, config: &Config, login: &str, mail: bool) -> anyhow::Result<()> {
    let staff = known(db, login).await?;
    anyhow::ensure!(staff.active, "the account {} is closed: open it on the page Petugas first", staff.login);
    anyhow::ensure!(!mail || config.mail_server().is_some(), "no mail server is set: section [mail] of muara.toml");
    let nothing_fits = store::staff::hash_password(&password(None)?);
    let mut tx = store::begin(db).await?;
    let said = if mail {
        let sent = store::staff::invite_by_mail(&mut tx, staff.id, None, &nothing_fits, now()).await?;
        let to = sent.with_context(|| format!("{} has no mail address: it is written down on the page Eskalasi", staff.login))?;
        format!("{}: a link goes to {}; the page Petugas says whether it went out.", staff.login, masked_mail(&to))
    } else {
        let token = store::staff::invite(&mut tx, staff.id, None, &nothing_fits, now()).await?;
        format!("{}/undangan/{token}", config.site().base_url)
    };
    store::audit::write(&mut tx, now(), None, "staff.password", &staff.login, &json!({ "mailed": mail })).await?;
    store::commit(tx).await?;
    println!("{said}");
    Ok(())
}

async fn known(db: &PgPool, login: &str) -> anyhow::Result<Staff> {
    Ok(store::staff::by_login(db, login).await?.with_context(|| format!("no account {login}"))?.0)
}

async fn list(db: &PgPool) -> anyhow::Result<()> {
    for one in store::staff::list(db).await? {
        let active = if one.active { "active" } else { "not active" };
        println!("{}\t{}\t{}\t{active}", one.login, one.role, one.name);
    }
    Ok(())
}

fn agency_by_code<'a>(directory: &'a Directory, code: &str) -> anyhow::Result<&'a Agency> {
    directory.agencies.values().find(|agency| agency.code == code).with_context(|| format!("no agency has the code {code}"))
}

async fn create(db: &PgPool, new: &NewStaff, email: Option<&str>, password: &str) -> anyhow::Result<bool> {
    let mut tx = store::begin(db).await?;
    let made = store::staff::create(&mut tx, new, &store::staff::hash_password(password), now()).await?;
    if let Some(id) = made {
        store::escalation::set_mail(&mut tx, id, email).await?;
        let detail = json!({ "role": new.role.as_str(), "agency": new.agency, "office": new.office });
        store::audit::write(&mut tx, now(), None, "staff.created", &new.login, &detail).await?;
    }
    store::commit(tx).await?;
    Ok(made.is_some())
}

fn password(file: Option<&Path>) -> anyhow::Result<String> {
    match file {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => Ok(BASE64_URL_SAFE_NO_PAD.encode(&model::id::random_bytes()[..12])),
    }
}

fn say_once(login: &str, password: &str, known: bool) {
    if known {
        println!("{login}: the password is set.");
    } else {
        println!("{login}: the password is {password} (it is not kept anywhere; write it down)");
    }
}

/// The first accounts of a new installation, one for each role that the directory can fill. Printed once and written to a file only its
/// owner can read. Nothing happens where accounts are.
pub(crate) async fn first_accounts(db: &PgPool, config: &Config) -> anyhow::Result<()> {
    if !store::staff::is_empty(db).await? {
        return Ok(());
    }
    let directory = store::directory::load(db).await?;
    let mut lines = String::new();
    for new in starting_staff(&directory) {
        let password = password(None)?;
        if create(db, &new, None, &password).await? {
            lines += &[&new.login, password.as_str(), new.role.as_str()].join("\t");
            lines.push('\n');
        }
    }
    let path = config.data.folder.join("first-logins.txt");
    fs::create_dir_all(&config.data.folder)?;
    write_private(&path, &lines).with_context(|| format!("cannot write {}", path.display()))?;
    println!("First logins (also in {}; change the passwords and remove the file):\n{lines}", path.display());
    Ok(())
}

fn starting_staff(directory: &Directory) -> Vec<NewStaff> {
    let account =
        |login: String, name: String, role, agency, office| NewStaff { login, name, role, agency, office, language: Language::Id };
    let mut staff = vec![
        account("admin".into(), "Admin".into(), Role::Admin, None, None),
        account("triase".into(), "Petugas Triase".into(), Role::Triage, None, None),
    ];
    let office = directory.channels.iter().find(|channel| channel.area.is_some());
    staff.extend(office.map(|desk| account("loket".into(), "Petugas Loket".into(), Role::Clerk, None, Some(desk.account.clone()))));
    let busiest = busiest_agencies(directory);
    for agency in busiest {
        for (prefix, title, role) in [("petugas", "Petugas", Role::Officer), ("kepala", "Kepala Seksi", Role::Supervisor)] {
            let name = format!("{title} {}", agency.name);
            staff.push(account(format!("{prefix}.{}", agency.code), name, role, Some(agency.id), None));
        }
    }
    staff
}

/// The two agencies that most rules name for the whole city: there is something to see in their queues.
fn busiest_agencies(directory: &Directory) -> Vec<&Agency> {
    let mut agencies: Vec<&Agency> = directory.agencies.values().collect();
    let rules = |agency: &Agency| directory.rules.iter().filter(|rule| rule.agency == agency.id && rule.area.is_none()).count();
    agencies.sort_by_key(|agency| (std::cmp::Reverse(rules(agency)), agency.code.clone()));
    agencies.truncate(2);
    agencies
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
