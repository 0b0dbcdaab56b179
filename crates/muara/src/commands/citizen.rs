//! `muara citizen`: what a citizen may ask about their own data, for who looks after data. Identity is proven before: an address by a message from it, or a
//! complaint by the code in its link.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use futures::TryStreamExt;
use model::{Address, Language, Reference, Role, TrackingCode};
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;
use store::{
    PgPool,
    person::{self, Erased, Subject},
    request::{self, Kind},
    retention,
    staff::Staff,
};
use tokio::io::AsyncWriteExt;

use super::{now, retention::because};
use crate::{config::Config, connect, storage};

/// Whose data it is: an address, or a number and its code.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Whose {
    /// An address that was proven: tel:+62…, mailto:…
    #[arg(long, conflicts_with_all = ["number", "code"])]
    address: Option<Address>,
    /// A complaint's number.
    #[arg(long, requires = "code")]
    number: Option<Reference>,
    /// The code in the link of that complaint: proves that complaint alone.
    #[arg(long, requires = "number")]
    code: Option<String>,
    /// Login of the admin who does it.
    #[arg(long)]
    by: String,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Which complaints there are, and what keeps them from being erased.
    Find {
        #[command(flatten)]
        whose: Whose,
    },
    /// Everything that is kept, into a folder: data.json, data.html, and files. It holds personal data.
    Export {
        #[command(flatten)]
        whose: Whose,
        /// How they proved who they are, without the address itself: it is kept.
        #[arg(long)]
        proof: String,
        /// The folder: is made, must not be there.
        #[arg(long)]
        out: PathBuf,
        /// The page in English.
        #[arg(long)]
        english: bool,
    },
    /// Erase who they are, their words and files, everywhere in the database and storage. The bare complaint stays.
    Erase {
        #[command(flatten)]
        whose: Whose,
        /// How they proved who they are, without the address itself: it is kept.
        #[arg(long)]
        proof: String,
        /// Without it, only what would happen is said.
        #[arg(long)]
        write: bool,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::Find { whose } => find(&db, &whose).await,
        Command::Export { whose, proof, out, english } => {
            let language = if english { Language::En } else { Language::Id };
            export(config, &db, &whose, &proof, &out, language).await
        }
        Command::Erase { whose, proof, write } => erase(config, &db, &whose, &proof, write).await,
    }
}

/// The admin of this login.
pub(crate) async fn admin(db: &PgPool, login: &str) -> anyhow::Result<Staff> {
    let found = store::staff::by_login(db, &login.to_lowercase()).await?.map(|(staff, _)| staff);
    let staff = found.filter(|staff| staff.active).with_context(|| format!("there is no account {login} that is open"))?;
    ensure!(staff.role == Role::Admin, "{login} is no admin");
    Ok(staff)
}

async fn subject(db: &PgPool, whose: &Whose) -> anyhow::Result<Subject> {
    if let Some(address) = &whose.address {
        return person::by_address(db, address).await?.context("nobody with this address is known: nothing is kept about them");
    }
    let (Some(number), Some(code)) = (&whose.number, &whose.code) else { bail!("say --address, or --number and --code") };
    // A wrong code and a wrong number look the same.
    let wrong = || format!("there is no complaint {number} with this code");
    let code: TrackingCode = code.trim().parse().ok().with_context(wrong)?;
    let complaint = store::complaint::by_code(db, &code).await?.filter(|complaint| complaint.reference == *number).with_context(wrong)?;
    Ok(Subject::Complaint(complaint.id))
}

async fn find(db: &PgPool, whose: &Whose) -> anyhow::Result<()> {
    let by = admin(db, &whose.by).await?;
    let subject = subject(db, whose).await?;
    let theirs = person::complaints(db, subject).await?;
    let mut tx = store::begin(db).await?;
    for one in &theirs {
        store::audit::write(&mut tx, now(), Some(by.id), "citizen.found", &one.reference.to_string(), &json!({})).await?;
    }
    store::commit(tx).await?;
    for one in &theirs {
        let keeps = one.keeps.as_deref().map_or_else(|| "may be erased".to_owned(), |why| format!("stays: {}", because(why)));
        println!("{}\t{}\t{}\t{keeps}", one.reference, one.opened_at.strftime("%Y-%m-%d"), one.status.as_str());
    }
    println!("{} complaints.", theirs.len());
    Ok(())
}

async fn export(config: &Config, db: &PgPool, whose: &Whose, proof: &str, out: &Path, language: Language) -> anyhow::Result<()> {
    ensure!(!proof.trim().is_empty(), "say how they proved who they are");
    let by = admin(db, &whose.by).await?;
    let subject = subject(db, whose).await?;
    // On record before anything is read: a copy that broke off was seen too.
    let mut tx = store::begin(db).await?;
    request::in_person(&mut tx, Kind::Copy, subject, proof, by.id, now()).await?;
    store::commit(tx).await?;
    let directory = store::directory::load(db).await?;
    let copy = web::copy(db, &config.site(), &directory, subject, now(), language).await?;
    std::fs::create_dir(out).with_context(|| format!("cannot make {}", out.display()))?;
    only_ours(out)?;
    std::fs::write(out.join("data.json"), &copy.json)?;
    std::fs::write(out.join("data.html"), &copy.html)?;
    std::fs::create_dir(out.join("berkas"))?;
    let files = storage::open(&config.storage)?;
    for (name, key, _) in &copy.files {
        let path = object_store::path::Path::parse(key)?;
        let mut bytes = files.get(&path).await.with_context(|| format!("{name} is not in storage"))?.into_stream();
        let mut file = tokio::fs::File::create(out.join(name)).await?;
        while let Some(part) = bytes.try_next().await? {
            file.write_all(&part).await?;
        }
        file.flush().await?;
    }
    println!("Wrote {} with {} files. It holds personal data: hand it over, and remove it.", out.display(), copy.files.len());
    Ok(())
}

/// Nobody else on the machine reads it.
fn only_ours(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

async fn erase(config: &Config, db: &PgPool, whose: &Whose, proof: &str, write: bool) -> anyhow::Result<()> {
    ensure!(!proof.trim().is_empty(), "say how they proved who they are");
    let by = admin(db, &whose.by).await?;
    let subject = subject(db, whose).await?;
    if !write {
        find(db, whose).await?;
        println!("Nothing was erased: say --write.");
        return Ok(());
    }
    let last = last_message(db, subject).await?;
    let mut tx = store::begin(db).await?;
    let erased = request::in_person(&mut tx, Kind::Erase, subject, proof, by.id, now()).await?;
    store::commit(tx).await?;
    let Some(erased) = erased else { return Ok(()) };
    say(&erased, last);
    remove_files(db, &*storage::open(&config.storage)?).await
}

/// When the last message of theirs came to the door.
async fn last_message(db: &PgPool, subject: Subject) -> anyhow::Result<Option<jiff::Timestamp>> {
    let everything = person::everything(db, subject).await?;
    Ok(everything.complaints.iter().flat_map(|one| &one.messages).map(|message| message.received_at).max())
}

fn say(erased: &Erased, last: Option<jiff::Timestamp>) {
    for one in &erased.erased {
        println!("{}\terased: category, area, times, agencies and status are left", one.reference);
    }
    for one in &erased.kept {
        println!("{}\tkept: {}", one.reference, because(one.keeps.as_deref().unwrap_or_default()));
    }
    if erased.forgotten {
        println!("Name and addresses are gone too.");
    }
    if let Some(until) = last.map(|last| last + jiff::SignedDuration::from_hours(24 * 14)).filter(|until| *until > now()) {
        println!("Out of reach: raw messages on the bus, which forgets them by itself until {}.", until.strftime("%Y-%m-%d"));
    }
    println!("Out of reach: backups made before now, until you remove them; parked messages (`muara parked list`), for 90 days.");
}

/// Removes files that no row has any more.
pub(crate) async fn remove_files(db: &PgPool, files: &dyn ObjectStore) -> anyhow::Result<()> {
    let mut removed = 0;
    loop {
        let keys = retention::files_left(db, 100).await?;
        if keys.is_empty() {
            println!("{removed} files were removed from storage.");
            return Ok(());
        }
        for key in &keys {
            match files.delete(&object_store::path::Path::parse(key)?).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => removed += 1,
                Err(error) => return Err(error).context("storage does not let go of a file: the role `dispatch` tries again"),
            }
        }
        retention::files_gone(db, &keys).await?;
    }
}
