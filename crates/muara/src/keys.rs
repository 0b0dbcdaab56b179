//! The folder of credentials. For each user of the bus two files: `<user>.nk`, the seed, for its program alone; and `<user>.pub`, by which the
//! server knows it, one key a line, the newest last. While a credential is being replaced there are two.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use bus::{
    Credential, Who,
    accounts::{PublicKey, User},
};

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    folder: PathBuf,
}

/// Whether a credential was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// It was made now.
    Now,
    /// It was there before, and stays.
    Before,
}

impl Keys {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where a user's seed is written.
    pub(crate) fn seed_file(&self, who: &Who) -> PathBuf {
        self.folder.join(format!("{who}.nk"))
    }

    fn public_file(&self, who: &Who) -> PathBuf {
        self.folder.join(format!("{who}.pub"))
    }

    /// Makes a user's credential, unless there is one.
    pub(crate) fn ensure(&self, who: &Who) -> Result<Made> {
        if !self.public(who)?.is_empty() {
            return Ok(Made::Before);
        }
        self.add(who)?;
        Ok(Made::Now)
    }

    /// Makes another one; the old one opens too until [`Keys::finish`].
    pub(crate) fn rotate(&self, who: &Who) -> Result<()> {
        ensure!(!self.public(who)?.is_empty(), "{who} has no credential yet");
        self.add(who)
    }

    /// Forgets every key but the newest; how many there were.
    pub(crate) fn finish(&self, who: &Who) -> Result<usize> {
        let keys = self.public(who)?;
        let newest = keys.last().with_context(|| format!("{who} has no credential yet"))?;
        // Whoever holds no seed of the newest key would be locked out.
        let seed = fs::read_to_string(self.seed_file(who)).ok().and_then(|seed| Credential::from_seed(&seed).ok());
        ensure!(
            seed.is_none_or(|seed| seed.public() == newest),
            "{} is not the newest key's seed: the program would be locked out",
            self.seed_file(who).display()
        );
        self.write_public(who, std::slice::from_ref(newest))?;
        Ok(keys.len() - 1)
    }

    /// Every user that has a key, the core first.
    pub(crate) fn users(&self) -> Result<Vec<User>> {
        let Ok(files) = fs::read_dir(&self.folder) else { return Ok(Vec::new()) };
        let mut users = Vec::new();
        for file in files {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "pub") {
                continue;
            }
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let who: Who = name.parse().with_context(|| format!("{} is no user's file", path.display()))?;
            users.push(User { keys: self.public(&who)?, who });
        }
        users.sort_by(|one, other| one.who.cmp(&other.who));
        Ok(users)
    }

    /// One user; without keys where there is none.
    pub(crate) fn user(&self, who: &Who) -> Result<User> {
        Ok(User { who: who.clone(), keys: self.public(who)? })
    }

    fn add(&self, who: &Who) -> Result<()> {
        let credential = Credential::new();
        let mut keys = self.public(who)?;
        keys.push(credential.public().clone());
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        let seed = self.seed_file(who);
        write(&seed, &format!("{}\n", credential.seed()), 0o600).with_context(|| format!("cannot write {}", seed.display()))?;
        self.write_public(who, &keys)
    }

    fn public(&self, who: &Who) -> Result<Vec<PublicKey>> {
        let path = self.public_file(who);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let keys = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::parse);
        keys.collect::<Result<_, _>>().with_context(|| format!("{} holds something that is no key", path.display()))
    }

    fn write_public(&self, who: &Who, keys: &[PublicKey]) -> Result<()> {
        let text = keys.iter().fold(String::new(), |text, key| text + key.as_str() + "\n");
        let path = self.public_file(who);
        write(&path, &text, 0o644).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Whole or not at all, and with these rights from its first byte on.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut file = fs::File::options().write(true).create_new(true).mode(mode).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn chat() -> Who {
        Who::Adapter("chat".parse().expect("a name"))
    }

    #[test]
    fn a_credential_is_made_once_and_its_seed_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::new(&folder.path().join("keys"));
        assert_eq!(keys.ensure(&chat()).expect("made"), Made::Now);
        let seed = fs::read_to_string(keys.seed_file(&chat())).expect("written");
        assert_eq!(keys.ensure(&chat()).expect("there"), Made::Before);
        assert_eq!(fs::read_to_string(keys.seed_file(&chat())).expect("there"), seed);
        let mode = fs::metadata(keys.seed_file(&chat())).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let public = keys.user(&chat()).expect("read").keys;
        assert_eq!(public, [Credential::from_seed(&seed).expect("a seed").public().clone()]);
    }

    #[test]
    fn while_a_credential_is_replaced_both_open_and_then_the_newest_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::new(folder.path());
        assert!(keys.rotate(&chat()).is_err(), "there is nothing to replace");
        keys.ensure(&chat()).expect("made");
        let old = keys.user(&chat()).expect("read").keys[0].clone();
        keys.rotate(&chat()).expect("made");
        let both = keys.user(&chat()).expect("read").keys;
        assert_eq!((both.len(), &both[0]), (2, &old));
        assert_eq!(keys.finish(&chat()).expect("finished"), 1);
        assert_eq!(keys.user(&chat()).expect("read").keys, [both[1].clone()]);
        assert_eq!(keys.finish(&chat()).expect("nothing is left to forget"), 0);
    }

    #[test]
    fn the_core_is_named_first_and_what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::new(folder.path());
        for who in [chat(), Who::Core] {
            keys.ensure(&who).expect("made");
        }
        let users: Vec<String> = keys.users().expect("read").iter().map(|user| user.who.to_string()).collect();
        assert_eq!(users, ["muara", "adapter-chat"]);
        fs::write(folder.path().join("adapter-chat.pub"), "nonsense\n").expect("written");
        assert!(keys.users().is_err());
    }
}
