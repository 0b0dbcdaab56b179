//! `.sqlx`: what each query looks like to the migrated database, checked in so that a build needs no database.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use servers::{Durability, Postgres, PostgresOptions};

use crate::{
    install, say,
    workspace::{cargo, root, run_quietly},
};

/// The crate with the queries.
const CRATE: &str = "store";

#[derive(Args)]
pub(crate) struct Options {
    /// Only compare what is checked in with what the queries are; change nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Applies the migrations to a new database, lets the compiler describe every query against it, and keeps or compares what it wrote.
pub(crate) fn run(options: &Options) -> Result<()> {
    install::postgres()?;
    let began = Instant::now();
    let folder = tempfile::Builder::new().prefix("muara-prepare-").tempdir()?;
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let server = PostgresOptions { durability: Durability::Throwaway, ..PostgresOptions::default() };
    let postgres = Postgres::start_with(folder.path(), &server)?;
    let applied = migrate(&postgres)?;
    say::fine(&format!("Applied {applied} migrations to an empty database."));
    let fresh = folder.path().join("queries");
    fs::create_dir(&fresh)?;
    describe(&postgres.url("muara"), &fresh)?;
    let (fresh, kept) = (read(&fresh)?, read(&root().join(".sqlx"))?);
    let time = say::took(began.elapsed());
    if fresh == kept {
        say::fine(&format!("The {} prepared queries are those of the sources ({time}).", kept.len()));
        return Ok(());
    }
    if options.check {
        let missing = fresh.keys().filter(|file| !kept.contains_key(*file)).count();
        let left_over = kept.keys().filter(|file| !fresh.contains_key(*file)).count();
        let differing = fresh.iter().filter(|(file, text)| kept.get(*file).is_some_and(|known| known != *text)).count();
        bail!(
            ".sqlx is not what the queries are: {missing} missing, {left_over} left over, {differing} different. Run `cargo xtask prepare` and commit .sqlx"
        );
    }
    write(&fresh)?;
    say::fine(&format!("Wrote {} prepared queries into .sqlx ({time}).", fresh.len()));
    Ok(())
}

/// In the order of their names, as the product applies them.
fn migrate(postgres: &Postgres) -> Result<usize> {
    postgres.create_database("muara")?;
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("migrations"))?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let (number, what) = name.split_once('_').with_context(|| format!("migrations/{name} has to be called <timestamp>_<what>.sql"))?;
        if number.len() != 14 || !number.bytes().all(|byte| byte.is_ascii_digit()) || what == ".sql" {
            bail!("migrations/{name} has to be called <timestamp of 14 digits>_<what>.sql");
        }
        postgres.execute("muara", &fs::read_to_string(file)?).with_context(|| format!("migrations/{name} cannot be applied"))?;
    }
    Ok(files.len())
}

fn describe(url: &str, into: &Path) -> Result<()> {
    // The compiler looks at a query only when it compiles the crate.
    let source = root().join(format!("crates/{CRATE}/src/lib.rs"));
    File::options().append(true).open(&source)?.set_modified(now())?;
    let mut check = cargo();
    check.args(["check", "--quiet", "--package", CRATE, "--all-targets"]);
    check.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", into).env("DATABASE_URL", url);
    run_quietly(&mut check).map(|_| ()).context("the queries could not be checked against the migrated database")
}

#[expect(clippy::disallowed_methods, reason = "a file is touched, as `touch` would")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            files.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(files)
}

fn write(fresh: &BTreeMap<String, String>) -> Result<()> {
    let folder = root().join(".sqlx");
    fs::create_dir_all(&folder)?;
    for old in read(&folder)?.keys().filter(|old| !fresh.contains_key(*old)) {
        fs::remove_file(folder.join(old))?;
    }
    for (name, text) in fresh {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
