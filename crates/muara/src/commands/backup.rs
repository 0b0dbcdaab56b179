//! `muara backup` and `muara restore`: database, files and bus in one folder, taken from a running system in an order that loses nothing
//! (docs/decisions/0042), and put back where nothing is.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, DirBuilder, File},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use bus::{Archive, Bus, ReadTo};
use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::now;
use crate::{config::Config, connect, storage};

/// Says what is in the folder. Written last but one.
const MANIFEST: &str = "manifest.json";
/// The hash of every file, as `sha256sum -c` reads it. Written last: without it the backup was not finished.
const SUMS: &str = "SHA256SUMS";
const DATABASE: &str = "database";
const FILES: &str = "files";
const BUS: &str = "bus";
/// The layout of all this.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    muara: String,
    began_at: Timestamp,
    ended_at: Timestamp,
    /// Up to where each adapter had read RAW when it began.
    read_to: ReadTo,
    /// Messages of the bus, by stream.
    messages: BTreeMap<String, u64>,
    /// Files in storage.
    files: u64,
}

/// `muara backup`
pub(crate) async fn backup(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let bus = connect::bus(config, "muara backup").await?;
    make(folder)?;
    let began_at = now();
    let mut taking = Taking { bus: &bus, folder: folder.join(BUS), messages: BTreeMap::new() };
    DirBuilder::new().mode(0o700).create(&taking.folder)?;

    // What adapters had read then is in EVENTS, or in the database: both are taken after it. The rest they read again.
    let directory = store::directory::load(&db).await?;
    let adapters = directory.channels.iter().map(|channel| channel.adapter.clone());
    let read_to = bus.read_to(adapters).await?;
    taking.take(Archive::Cursor, "").await?;
    taking.take(Archive::Parked, "").await?;
    taking.take(Archive::Events, "").await?;
    let looked_at = taking.take(Archive::Quarantine, "").await?;
    dump(config, &folder.join(DATABASE))?;
    // Files and parked messages that came in between: a row of the database may already name them.
    taking.take_after(Archive::Quarantine, "-later", looked_at).await?;
    taking.take(Archive::Parked, "-later").await?;
    taking.take(Archive::Raw, "").await?;
    taking.take(Archive::Sent, "").await?;
    DirBuilder::new().mode(0o700).create(folder.join(FILES))?;
    let files = copy(storage::open(&config.storage)?, in_folder(&folder.join(FILES))?).await?;

    let messages = taking.messages;
    let told = messages.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ");
    let manifest =
        Manifest { version: VERSION, muara: env!("CARGO_PKG_VERSION").to_owned(), began_at, ended_at: now(), read_to, messages, files };
    write(&folder.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
    let mut sums = String::new();
    for path in files_below(folder)? {
        let name = path.strip_prefix(folder)?.to_str().context("a name that is no text")?;
        writeln!(sums, "{}  {name}", hash(&path)?)?;
    }
    write(&folder.join(SUMS), sums.as_bytes())?;
    println!("Kept in {}: the database, {files} files, and of the bus {told}.", folder.display());
    println!(
        "NOT IN IT, and needed with it: the keys of the vault (without them nobody reads who wrote, and no second factor), the keys of the bus, and /etc/muara."
    );
    println!("Keep those apart from it. The folder holds personal data and secrets of agencies: encrypt it where it goes.");
    Ok(())
}

/// What is taken of the bus.
struct Taking<'a> {
    bus: &'a Bus,
    folder: PathBuf,
    messages: BTreeMap<String, u64>,
}

impl Taking<'_> {
    async fn take(&mut self, what: Archive, suffix: &str) -> anyhow::Result<u64> {
        self.take_after(what, suffix, 0).await
    }

    /// Answers the place of the last one.
    async fn take_after(&mut self, what: Archive, suffix: &str, after: u64) -> anyhow::Result<u64> {
        let name = format!("{}{suffix}", what.as_str());
        let mut out = BufWriter::new(File::create_new(self.folder.join(&name))?);
        let (count, last) = self.bus.keep(what, after, &mut out).await.with_context(|| format!("cannot keep {name}"))?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        self.messages.insert(name, count);
        Ok(last)
    }
}

/// `muara restore`
pub(crate) async fn restore(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let manifest = verify(folder)?;
    let db = connect::database(config).await?;
    let bus = connect::bus(config, "muara restore").await?;
    let files = storage::open(&config.storage)?;
    ensure!(store::backup::is_empty(&db).await?, "the database is not empty: a backup is put back only where nothing is");
    ensure!(files.list(None).try_next().await?.is_none(), "the storage of files is not empty: a backup is put back only where nothing is");
    bus.ensure().await?;
    for what in Archive::ALL {
        ensure!(bus.held(what).await? == 0, "the bus holds something in `{}`: a backup is put back only where nothing is", what.as_str());
    }
    // The database last of what keys absorb: a restore that was broken off is noticed by it, and begun again from nothing.
    let kept = copy(in_folder(&folder.join(FILES))?, files).await?;
    put_back(&bus, folder, &manifest).await?;
    load(config, &folder.join(DATABASE))?;
    store::migrate(&db).await?;
    let again = store::backup::replies_again(&db, now()).await?;
    println!("Put back what was taken from {:.0} to {:.0}: the database, {kept} files, and the bus.", manifest.began_at, manifest.ended_at);
    println!(
        "{again} replies of which nothing was heard yet are due again. Put the vault's keys and /etc/muara in their places, and start the roles and the adapters."
    );
    println!(
        "Then `muara balance --day …` says whether everything is there; what doors took after {:.0} has a number and is named.",
        manifest.ended_at
    );
    Ok(())
}

async fn put_back(bus: &Bus, folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let open = |name: &str| -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(BufReader::new(File::open(folder.join(BUS).join(name))?))) };
    bus.put_back_raw(&|| open("raw"), &manifest.read_to).await.context("cannot put back raw")?;
    for name in ["quarantine", "quarantine-later", "cursor", "sent", "events"] {
        bus.put_back(&mut *open(name)?).await.with_context(|| format!("cannot put back {name}"))?;
    }
    // What was parked both times is parked once.
    bus.put_back_once(&[&|| open("parked"), &|| open("parked-later")]).await.context("cannot put back parked")?;
    Ok(())
}

fn make(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        ensure!(fs::read_dir(folder)?.next().is_none(), "{} is not empty", folder.display());
        // Personal data is coming: nobody else looks in.
        return fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).with_context(|| format!("{} is not ours", folder.display()));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn verify(folder: &Path) -> anyhow::Result<Manifest> {
    let sums = fs::read_to_string(folder.join(SUMS))
        .with_context(|| format!("{} has no {SUMS}: it is no backup, or one that was not finished", folder.display()))?;
    let mut listed = 0;
    for line in sums.lines() {
        let (expected, name) = line.split_once("  ").context("SHA256SUMS cannot be read")?;
        let path = folder.join(name);
        ensure!(path.is_file(), "{name} is missing in the backup");
        ensure!(hash(&path)? == expected, "{name} is not what was written: the backup is damaged");
        listed += 1;
    }
    ensure!(listed > 0, "{SUMS} is empty");
    // What nobody vouches for is not put back; a link among the files is none of them.
    let there = files_below(folder)?.len();
    ensure!(there == listed + 1, "the backup holds {there} files, and {SUMS} names {listed} beside itself");
    let manifest: Manifest = serde_json::from_slice(&fs::read(folder.join(MANIFEST))?).context("the manifest cannot be read")?;
    ensure!(manifest.version == VERSION, "the backup has layout {}, and this program knows {VERSION}", manifest.version);
    Ok(manifest)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Every file of the backup, in the order of their names.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut some = vec![0; 256 * 1024];
    loop {
        match file.read(&mut some)? {
            0 => break,
            read => hasher.update(&some[..read]),
        }
    }
    Ok(format!("{:x}", bytes::Bytes::copy_from_slice(&hasher.finalize())))
}

fn in_folder(folder: &Path) -> anyhow::Result<Arc<dyn ObjectStore>> {
    fs::create_dir_all(folder)?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)))
}

async fn copy(from: Arc<dyn ObjectStore>, to: Arc<dyn ObjectStore>) -> anyhow::Result<u64> {
    let mut all = from.list(None);
    let mut count = 0;
    while let Some(one) = all.try_next().await? {
        let bytes = from.get(&one.location).await?.bytes().await?;
        to.put(&one.location, PutPayload::from_bytes(bytes)).await?;
        count += 1;
    }
    Ok(count)
}

/// One snapshot of the database, by PostgreSQL's own program.
fn dump(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let mut program = program(config, "pg_dump")?;
    program.args(["--format=directory", "--no-owner", "--no-privileges", "--file"]).arg(folder);
    run(program, "pg_dump")
}

fn load(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let mut program = program(config, "pg_restore")?;
    program.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]).arg(folder);
    run(program, "pg_restore")
}

/// With the address of the database; its password goes by the environment, where nobody else reads it.
fn program(config: &Config, name: &str) -> anyhow::Result<Command> {
    let folder = servers::postgres_programs().context("PostgreSQL's programs are needed: install the client of the server's version")?;
    let mut command = Command::new(folder.join(name));
    let (url, password) = connect::url_and_password(config)?;
    command.args(["--dbname", &url]);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    Ok(command)
}

fn run(mut command: Command, name: &str) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_that_is_unfinished_damaged_or_lacks_a_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = || format!("{:#}", verify(folder.path()).expect_err("it is wrong"));
        assert!(said().contains("not finished"), "{}", said());
        let manifest = Manifest {
            version: VERSION,
            muara: "0".into(),
            began_at: Timestamp::UNIX_EPOCH,
            ended_at: Timestamp::UNIX_EPOCH,
            read_to: ReadTo::new(),
            messages: BTreeMap::new(),
            files: 0,
        };
        let path = folder.path().join(MANIFEST);
        write(&path, &serde_json::to_vec(&manifest).expect("JSON")).expect("a file");
        write(&folder.path().join(SUMS), format!("{}  {MANIFEST}\n", hash(&path).expect("a file")).as_bytes()).expect("a file");
        verify(folder.path()).expect("it is whole");
        fs::write(&path, b"{}").expect("a file");
        assert!(said().contains("damaged"), "{}", said());
        fs::remove_file(&path).expect("a file");
        assert!(said().contains("missing"), "{}", said());
    }
}
