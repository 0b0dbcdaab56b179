//! Who may come to the server: key pairs, and the file that the server reads. What each may do there is in [`Permissions`].
//!
//! A user is known by an Ed25519 key (NATS calls it an nkey). The program has the seed; the server's file holds the public half, with which
//! nobody can sign in, so the file is no secret. Two keys for one user may stand side by side while the old one is replaced.

use std::{fmt, fmt::Write as _, str::FromStr};

use model::AdapterName;
use nkeys::{KeyPair, KeyPairType};
use secrecy::{ExposeSecret, SecretString};

use crate::Permissions;

/// The core's user.
const CORE: &str = "muara";
/// The account of a server that is shared with others. A private server has none.
const ACCOUNT: &str = "MUARA";

/// Whose user it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The core, which may do everything.
    Core,
    /// An adapter, which may do what [`Permissions::of_adapter`] says.
    Adapter(AdapterName),
}

impl fmt::Display for Who {
    /// The user's name: `muara`, `adapter-whatsapp`. Answers come to an inbox of this name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core => f.write_str(CORE),
            Self::Adapter(name) => write!(f, "adapter-{name}"),
        }
    }
}

impl FromStr for Who {
    type Err = NoUser;

    fn from_str(name: &str) -> Result<Self, NoUser> {
        match name.strip_prefix("adapter-") {
            _ if name == CORE => Ok(Self::Core),
            Some(adapter) => adapter.parse().map(Self::Adapter).map_err(|_| NoUser),
            None => Err(NoUser),
        }
    }
}

/// It is no user's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user is `muara` or `adapter-<name>`")]
pub struct NoUser;

/// It is no key of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// Not a seed.
    #[error("it is no seed of a user (one begins with `SU`)")]
    Seed,
    /// Not a public key.
    #[error("it is no public key of a user (one begins with `U`)")]
    Public,
}

/// What a user signs in with. `Debug` shows the public half.
pub struct Credential {
    public: PublicKey,
    seed: SecretString,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Credential {
    /// A new one, from the operating system's random numbers.
    ///
    /// # Panics
    /// When the operating system has none.
    pub fn new() -> Self {
        let pair = KeyPair::new_user();
        let seed = pair.seed().expect("a pair that was just made has its seed");
        Self { public: PublicKey(pair.public_key()), seed: seed.into() }
    }

    /// Reads a seed: `SU…`.
    pub fn from_seed(seed: &str) -> Result<Self, NoKey> {
        let seed = seed.trim();
        let pair = KeyPair::from_seed(seed).map_err(|_| NoKey::Seed)?;
        if pair.key_pair_type() != KeyPairType::User {
            return Err(NoKey::Seed);
        }
        Ok(Self { public: PublicKey(pair.public_key()), seed: seed.to_owned().into() })
    }

    /// What the server knows it by.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What the program keeps, in a file that nobody else can read.
    pub fn seed(&self) -> &str {
        self.seed.expose_secret()
    }
}

impl Default for Credential {
    fn default() -> Self {
        Self::new()
    }
}

/// The public half: `U…`, 56 letters and digits. No secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(String);

impl PublicKey {
    /// As the server writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let pair = KeyPair::from_public_key(text).map_err(|_| NoKey::Public)?;
        if pair.key_pair_type() == KeyPairType::User { Ok(Self(text.to_owned())) } else { Err(NoKey::Public) }
    }
}

/// One user and the keys that open for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Whose.
    pub who: Who,
    /// One, or two while the old one is being replaced.
    pub keys: Vec<PublicKey>,
}

/// On which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// One that `muara all` starts for itself: the users are the server's.
    Private,
    /// One that is run apart, perhaps for others too: the users are in an account `MUARA` with JetStream.
    Shared,
}

impl User {
    /// Its lines in the server's file.
    pub fn to_nats_conf(&self) -> String {
        let permissions = match &self.who {
            Who::Core => String::new(),
            Who::Adapter(adapter) => lines(&Permissions::of_adapter(adapter, &self.who.to_string())),
        };
        let mut text = String::new();
        for key in &self.keys {
            let _ = writeln!(text, "      # {}", self.who);
            let _ = if permissions.is_empty() {
                writeln!(text, "      {{ nkey: {} }}", key.as_str())
            } else {
                writeln!(text, "      {{\n        nkey: {}\n{permissions}      }}", key.as_str())
            };
        }
        text
    }
}

fn lines(permissions: &Permissions) -> String {
    let mut text = String::from("        permissions = {\n");
    for (what, subjects) in [("publish", &permissions.publish), ("subscribe", &permissions.subscribe)] {
        let _ = writeln!(text, "          {what} = [");
        for subject in subjects {
            let _ = writeln!(text, "            \"{subject}\"");
        }
        text.push_str("          ]\n");
    }
    text.push_str("        }\n");
    text
}

/// The whole file, for the server's `include`. The order of the users is the order given.
pub fn to_nats_conf(users: &[User], server: Server) -> String {
    let users: String = users.iter().map(User::to_nats_conf).collect();
    let head = "# Who may come to the bus, and what they may do there; written by `muara channel accounts`. It holds public keys only.\n\
                # The core may do everything. An adapter's user writes what came in at its own door and its own events, reads its own queues,\n\
                # and answers come to an inbox of its own: a stolen key shows nobody else's messages.\n\n";
    match server {
        Server::Private => format!("{head}authorization {{\n    users = [\n{users}    ]\n}}\n"),
        Server::Shared => format!("{head}accounts {{\n  {ACCOUNT} {{\n    jetstream: enabled\n    users = [\n{users}    ]\n  }}\n}}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_public_key_back_and_never_shows() {
        let made = Credential::new();
        let read = Credential::from_seed(&format!("{}\n", made.seed())).expect("a seed");
        assert_eq!(read.public(), made.public());
        assert!(made.public().as_str().parse::<PublicKey>().is_ok());
        assert!(!format!("{made:?}").contains(made.seed()));
        assert_ne!(Credential::new().seed(), made.seed());
    }

    #[test]
    fn what_is_no_users_key_is_refused() {
        let account = KeyPair::new_account();
        assert_eq!(Credential::from_seed(&account.seed().expect("a seed")).map(drop), Err(NoKey::Seed));
        assert_eq!(account.public_key().parse::<PublicKey>(), Err(NoKey::Public));
        for text in ["", "SU", "U\" }", "nonsense", "UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(Credential::from_seed(text).map(drop), Err(NoKey::Seed), "{text}");
            assert_eq!(text.parse::<PublicKey>(), Err(NoKey::Public), "{text}");
        }
    }

    #[test]
    fn a_users_name_is_read_as_it_is_written() {
        for name in ["muara", "adapter-whatsapp"] {
            assert_eq!(name.parse::<Who>().expect(name).to_string(), name);
        }
        for name in ["", "whatsapp", "adapter-", "adapter-Not A Name", "muara2"] {
            assert_eq!(name.parse::<Who>(), Err(NoUser), "{name}");
        }
    }

    #[test]
    fn an_adapter_without_a_key_has_no_line() {
        let user = User { who: Who::Adapter("chat".parse().expect("a name")), keys: Vec::new() };
        assert_eq!(user.to_nats_conf(), "");
    }
}
