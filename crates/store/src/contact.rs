//! Who wrote and how to reach them, as the tables keep it: sealed with a key that is not in the database, and found again by a pseudonym that only who
//! has the key can make. Every other file of this crate seals on the way in and opens on the way out; which columns there are, and what each is bound
//! to, says decision 44. What was written by a version that did not seal is read as it is, until [`moving`] has moved it.

pub mod moving;
pub mod turning;

use std::sync::{Arc, RwLock};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use model::{Address, ReplyTo};
use serde_json::{Value, json};
use tracing::warn;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError,
    convert::{json as parsed, to_json},
    vault::{Key, OpenError, Vault},
};

/// A column. What is sealed there for one row opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    table: &'static str,
    column: &'static str,
}

/// An address beside its pseudonym, which is its row: `citizen_address`, `former_address`, `opt_out`, `block`. A row moves between the first two.
pub(crate) const ADDRESS: Place = Place { table: "citizen_address", column: "sealed" };
/// What came instead of an address; its row is the old one's pseudonym.
pub(crate) const REPLACED_BY: Place = Place { table: "former_address", column: "replaced_by" };
/// What a citizen calls themselves.
pub(crate) const NAME: Place = Place { table: "citizen", column: "name" };
/// Who sent a message.
pub(crate) const SENDER: Place = Place { table: "message", column: "sender" };
/// What they called themselves in it.
pub(crate) const SENDER_NAME: Place = Place { table: "message", column: "sender_name" };
/// Addresses they typed in.
pub(crate) const CONTACT: Place = Place { table: "message", column: "contact_sealed" };
/// Where a complaint is answered.
pub(crate) const COMPLAINT_WAY: Place = Place { table: "complaint", column: "reply_to" };
/// Where a reply goes.
pub(crate) const REPLY_WAY: Place = Place { table: "reply", column: "reply_to" };

/// Where somebody on the spot is reached.
pub(crate) const BODY: Place = Place { table: "body", column: "sealed" };
/// Where staff and holders of posts are reached.
pub(crate) const TELEPHONE: Place = Place { table: "telephone", column: "sealed" };
/// Where a message to one of them or to somebody on the spot goes, until the bus has it. Bound under the list's first name: what waited goes on.
pub(crate) const WORK_MESSAGE: Place = Place { table: "task_message", column: "sealed" };

impl Place {
    fn about(self, row: &[u8]) -> Vec<u8> {
        [self.table.as_bytes(), b".", self.column.as_bytes(), &[0], row].concat()
    }

    fn corrupt(self) -> StoreError {
        StoreError::Corrupt { table: self.table, column: self.column }
    }
}

/// The keys as this process uses them.
pub(crate) struct Ring {
    vault: Arc<Vault>,
    /// The key that seals: the database says which, so that all processes change it at one time.
    active: String,
    /// Whether rows may be left that nobody has sealed.
    plain: bool,
}

static RING: RwLock<Option<Arc<Ring>>> = RwLock::new(None);

/// The keys cannot be used with this database. Nothing is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database has something that a key of ours is needed for.
    #[error(
        "the database is sealed with the key {0}, which the file of vault.keys_file does not hold: put its line back and start again; nothing is lost"
    )]
    Missing(String),
    /// A key has the name of another one.
    #[error(
        "the key {0} of vault.keys_file is not the one of this name that the database is sealed with: put the right line back; nothing is lost"
    )]
    Another(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives this process its keys, before anything is read or written. The first key that a database sees becomes the one that seals.
///
/// # Errors
/// A key that the database is sealed with is missing, or is another one of the same name.
pub async fn begin(db: &PgPool, vault: &Arc<Vault>) -> Result<(), KeysError> {
    if !has_keys(db).await? {
        // Older than this program: it is migrated first, and this is asked again.
        install(Ring { vault: Arc::clone(vault), active: vault.newest().to_owned(), plain: true });
        return Ok(());
    }
    let mut active = check(db, vault).await?;
    if active.is_none() {
        remember(db, vault, vault.newest(), true).await?;
        active = check(db, vault).await?;
    }
    let active = active.unwrap_or_else(|| vault.newest().to_owned());
    let plain = !moving::is_done(db).await?;
    install(Ring { vault: Arc::clone(vault), active, plain });
    Ok(())
}

/// Asks again which key seals, now and then: a rotation changes it while we run. Whether rows are left that nobody has sealed.
///
/// # Errors
/// As of [`begin`]: whoever does not have the key that seals now would not know citizens again, and must stop.
pub async fn refresh(db: &PgPool) -> Result<bool, KeysError> {
    let vault = Arc::clone(&ring()?.vault);
    begin(db, &vault).await?;
    Ok(ring()?.plain)
}

async fn has_keys(db: &PgPool) -> Result<bool> {
    sqlx::query_scalar("select to_regclass('contact_key') is not null").fetch_one(db).await.map_err(StoreError::from_sqlx)
}

/// The key that seals, where there is one, once every key of the database is found to be ours.
async fn check(db: &PgPool, vault: &Vault) -> Result<Option<String>, KeysError> {
    let rows = sqlx::query!("select id, proof, active from contact_key order by made_at, id")
        .fetch_all(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    for row in &rows {
        let key = vault.key(&row.id).ok_or_else(|| KeysError::Missing(row.id.clone()))?;
        if key.proof().as_slice() != row.proof {
            return Err(KeysError::Another(row.id.clone()));
        }
    }
    Ok(rows.into_iter().find(|row| row.active).map(|row| row.id))
}

/// Notes a key; as the one that seals, if none is.
async fn remember(db: &PgPool, vault: &Vault, id: &str, seals: bool) -> Result<()> {
    let proof = vault.key(id).map(Key::proof).map(|proof| proof.to_vec()).unwrap_or_default();
    sqlx::query!("insert into contact_key (id, proof, active) values ($1, $2, $3) on conflict do nothing", id, &proof, seals)
        .execute(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

fn install(ring: Ring) {
    *RING.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::new(ring));
}

/// The keys of this process.
pub(crate) fn ring() -> Result<Arc<Ring>> {
    let installed = RING.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    installed.or_else(trial).ok_or_else(|| StoreError::Unavailable("this process was given no key to seal with".into()))
}

/// Tests that give no keys get one that everybody knows; no program ever does.
#[cfg(feature = "trial")]
fn trial() -> Option<Arc<Ring>> {
    let vault = Vault::parse(&format!("trial {}", "7a".repeat(32))).ok()?;
    Some(Arc::new(Ring { active: vault.newest().to_owned(), vault: Arc::new(vault), plain: false }))
}

#[cfg(not(feature = "trial"))]
fn trial() -> Option<Arc<Ring>> {
    None
}

/// One address whichever way it is written: as it is compared.
pub(crate) fn normal(address: &Address) -> String {
    match address.scheme() {
        "mailto" => address.to_string().to_lowercase(),
        _ => address.to_string(),
    }
}

/// The words of a name, as they are looked for.
pub(crate) fn name_words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let mut words: Vec<String> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(|word| word.chars().take(40).collect()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

impl Ring {
    fn key(&self) -> &Key {
        self.vault.key(&self.active).expect("checked when it was installed")
    }

    /// What stands before everything that the key of today sealed.
    pub(crate) fn mark(&self) -> String {
        format!("~{}~", self.active)
    }

    pub(crate) fn seal(&self, place: Place, row: &[u8], plain: &str) -> String {
        format!("{}{}", self.mark(), BASE64.encode(self.key().seal(&place.about(row), plain.as_bytes())))
    }

    /// What was sealed there; what nobody has sealed, as it is.
    pub(crate) fn open(&self, place: Place, row: &[u8], kept: String) -> Result<String> {
        let Some((id, bytes)) = sealed(&kept) else { return Ok(kept) };
        let key = self.vault.key(id).ok_or_else(|| StoreError::Unavailable(Box::new(OpenError::NoKey(id.to_owned()))))?;
        let plain = key.open(&place.about(row), &bytes).map_err(|_| place.corrupt())?;
        String::from_utf8(plain).map_err(|_| place.corrupt())
    }

    /// Under which name an address is kept: its scheme, the key, and what only who has the key can make of it.
    pub(crate) fn pseudonym(&self, address: &Address) -> String {
        pseudonym(self.key(), address)
    }

    /// Every name under which it may be kept: that of each key, and while some are left that nobody has sealed, itself.
    pub(crate) fn pseudonyms(&self, address: &Address) -> Vec<String> {
        let plain = self.plain.then(|| address.to_string());
        self.vault.keys().iter().map(|key| pseudonym(key, address)).chain(plain).collect()
    }

    /// The same of many, in one list.
    pub(crate) fn pseudonyms_of<'a>(&self, addresses: impl IntoIterator<Item = &'a Address>) -> Vec<String> {
        addresses.into_iter().flat_map(|address| self.pseudonyms(address)).collect()
    }

    /// The same of one, in one text: a line each. No address has a line's end in it.
    pub(crate) fn pseudonym_lines(&self, address: &Address) -> String {
        self.pseudonyms(address).join("\n")
    }

    pub(crate) fn seal_address(&self, address: &Address) -> String {
        self.seal(ADDRESS, self.pseudonym(address).as_bytes(), &address.to_string())
    }

    /// An address from its two columns.
    pub(crate) fn open_address(&self, kept: String, sealed: Option<String>) -> Result<Address> {
        let written = match sealed {
            Some(sealed) => self.open(ADDRESS, kept.as_bytes(), sealed)?,
            None => kept,
        };
        written.parse().map_err(|_| ADDRESS.corrupt())
    }

    /// An address that stands alone in its row, and is asked for nowhere.
    pub(crate) fn open_one(&self, place: Place, row: Uuid, sealed: String) -> Result<Address> {
        self.open(place, row.as_bytes(), sealed)?.parse().map_err(|_| place.corrupt())
    }

    /// The same; `None`: what stands there is not for its row. Where many are read, one that cannot be holds up no other.
    pub(crate) fn open_unless_corrupt(&self, place: Place, row: Uuid, sealed: String) -> Result<Option<Address>> {
        match self.open_one(place, row, sealed) {
            Ok(address) => Ok(Some(address)),
            Err(error @ StoreError::Corrupt { .. }) => {
                let error = &error as &dyn std::error::Error;
                warn!(row.id = %row, error, "An address cannot be read; nobody is written to there.");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What a name is found by, a line for each of its words.
    pub(crate) fn name_lines(&self, name: Option<&str>) -> String {
        name.map(|name| name_words(name).iter().map(|word| name_mark(self.key(), word)).collect::<Vec<_>>().join("\n")).unwrap_or_default()
    }

    /// Every way in which one word of a name may be kept.
    pub(crate) fn name_marks(&self, word: &str) -> Vec<String> {
        let plain = self.plain.then(|| word.to_owned());
        self.vault.keys().iter().map(|key| name_mark(key, word)).chain(plain).collect()
    }

    pub(crate) fn seal_contact(&self, message: Uuid, contact: &[Address]) -> Option<String> {
        let written = contact.iter().map(ToString::to_string).collect::<Vec<_>>();
        (!contact.is_empty()).then(|| self.seal(CONTACT, message.as_bytes(), &json!(written).to_string()))
    }

    /// Typed addresses from their two columns.
    pub(crate) fn open_contact(&self, message: Uuid, kept: Vec<String>, sealed: Option<String>) -> Result<Vec<Address>> {
        let written: Vec<String> = match sealed {
            Some(sealed) => {
                let list = self.open(CONTACT, message.as_bytes(), sealed)?;
                serde_json::from_str(&list).map_err(|_| CONTACT.corrupt())?
            }
            None => kept,
        };
        Ok(written.iter().filter_map(|address| address.parse().ok()).collect())
    }

    /// A way back as a row keeps it: what statements ask stays to be read, the address is its pseudonym, and address and conversation are sealed.
    pub(crate) fn keep_way(&self, place: Place, row: Uuid, to: &ReplyTo) -> Value {
        let mut kept = to_json(to);
        if let Value::Object(fields) = &mut kept {
            let thread = fields.remove("thread").unwrap_or_default();
            let sealed = self.seal(place, row.as_bytes(), &json!([to.address.to_string(), thread]).to_string());
            fields.insert("address".to_owned(), self.pseudonym(&to.address).into());
            fields.insert("sealed".to_owned(), sealed.into());
        }
        kept
    }

    /// The way back of a row.
    pub(crate) fn read_way(&self, place: Place, row: Uuid, mut kept: Value) -> Result<ReplyTo> {
        let sealed = kept.as_object_mut().and_then(|fields| fields.remove("sealed"));
        if let (Some(Value::String(sealed)), Value::Object(fields)) = (sealed, &mut kept) {
            let plain = self.open(place, row.as_bytes(), sealed)?;
            let (address, thread): (String, Option<String>) = serde_json::from_str(&plain).map_err(|_| place.corrupt())?;
            fields.insert("address".to_owned(), address.into());
            fields.insert("thread".to_owned(), thread.into());
        }
        parsed(kept, place.table, place.column)
    }
}

/// Nonce and tag of the seal: nothing sealed is shorter.
const LEAST: usize = 28;

/// The key's name and the bytes, if it is something sealed.
fn sealed(kept: &str) -> Option<(&str, Vec<u8>)> {
    let (id, text) = kept.strip_prefix('~')?.split_once('~')?;
    let bytes = BASE64.decode(text).ok().filter(|bytes| bytes.len() >= LEAST)?;
    Some((id, bytes))
}

fn pseudonym(key: &Key, address: &Address) -> String {
    let name = key.pseudonym("address", normal(address).as_bytes());
    format!("{}:~{}~{}", address.scheme(), key.id, BASE64.encode(name))
}

/// Nine bytes: among the words of a city's names two are never alike by chance, and lists stay short.
fn name_mark(key: &Key, word: &str) -> String {
    format!("{}~{}", key.id, BASE64.encode(&key.pseudonym("name", word.as_bytes())[..9]))
}

#[cfg(test)]
mod tests {
    use model::Audience;

    use super::*;

    fn ring_of(lines: &[&str], plain: bool) -> Ring {
        let vault = Vault::parse(&lines.join("\n")).expect("keys");
        Ring { active: vault.newest().to_owned(), vault: Arc::new(vault), plain }
    }

    fn row(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_sealed_in_a_row_opens_there_and_in_no_other_row_or_column() {
        let ring = ring_of(&[&Vault::new_line()], false);
        let kept = ring.seal(NAME, row(1).as_bytes(), "Siti Contoh");
        assert!(!kept.contains("Siti"));
        assert_eq!(ring.open(NAME, row(1).as_bytes(), kept.clone()).expect("opens"), "Siti Contoh");
        assert_eq!(ring.seal(NAME, row(1).as_bytes(), "Siti Contoh"), kept, "written again, nothing changes");
        for (place, row) in [(NAME, row(2)), (SENDER_NAME, row(1))] {
            let moved = ring.open(place, row.as_bytes(), kept.clone());
            assert!(matches!(moved, Err(StoreError::Corrupt { .. })), "{moved:?}");
        }
        let another = ring_of(&[&Vault::new_line()], false);
        let closed = another.open(NAME, row(1).as_bytes(), kept).expect_err("is not its key");
        let sentence = std::error::Error::source(&closed).map(ToString::to_string).unwrap_or_default();
        assert!(matches!(closed, StoreError::Unavailable(_)), "it is tried again, not thrown away");
        assert!(sentence.contains("put its line back"), "{sentence}");
    }

    #[test]
    fn what_nobody_has_sealed_is_read_as_it_is_also_where_it_looks_strange() {
        let ring = ring_of(&[&Vault::new_line()], true);
        for plain in ["Siti", "~", "~Siti~", "~a~b", ""] {
            assert_eq!(ring.open(NAME, row(1).as_bytes(), plain.to_owned()).expect("is read"), plain);
            let kept = ring.seal(NAME, row(1).as_bytes(), plain);
            assert_eq!(ring.open(NAME, row(1).as_bytes(), kept).expect("opens"), plain);
        }
    }

    #[test]
    fn an_address_has_one_pseudonym_however_it_is_written_and_another_under_another_key() {
        let (one, two) = (Vault::new_line(), Vault::new_line());
        let (old, both) = (ring_of(&[&one], false), ring_of(&[&one, &two], false));
        let mail = address("mailto:Ani@Contoh.example.id");
        assert_eq!(old.pseudonym(&mail), old.pseudonym(&address("mailto:ani@contoh.example.id")));
        assert_ne!(old.pseudonym(&mail), old.pseudonym(&address("mailto:budi@contoh.example.id")));
        assert!(old.pseudonym(&mail).starts_with("mailto:~"), "statements ask the scheme");
        assert!(!old.pseudonym(&mail).to_lowercase().contains("ani@"));
        assert_ne!(both.pseudonym(&mail), old.pseudonym(&mail));
        assert!(both.pseudonyms(&mail).contains(&old.pseudonym(&mail)), "while keys are replaced both are asked for");
        assert!(!both.pseudonyms(&mail).contains(&mail.to_string()));
        assert_eq!(ring_of(&[&one], true).pseudonyms(&mail).last(), Some(&mail.to_string()));
    }

    #[test]
    fn a_way_back_keeps_what_statements_ask_and_seals_the_rest() {
        let ring = ring_of(&[&Vault::new_line()], false);
        let to = ReplyTo {
            adapter: "chat".parse().expect("a name"),
            account: "1".into(),
            address: address("tel:+628000000001"),
            thread: Some("Re: pipa bocor".into()),
            audience: Audience::Private,
            open_until: None,
        };
        let kept = ring.keep_way(REPLY_WAY, row(1), &to);
        assert_eq!((&kept["adapter"], &kept["audience"]), (&json!("chat"), &json!("private")));
        assert_eq!(kept["address"], json!(ring.pseudonym(&to.address)));
        assert!(!kept.to_string().contains("628000000001") && !kept.to_string().contains("pipa"), "{kept}");
        assert_eq!(ring.read_way(REPLY_WAY, row(1), kept.clone()).expect("opens"), to);
        assert!(ring.read_way(REPLY_WAY, row(2), kept.clone()).is_err());
        assert!(ring.read_way(COMPLAINT_WAY, row(1), kept).is_err());
        assert_eq!(ring.read_way(REPLY_WAY, row(1), to_json(&to)).expect("nobody had sealed it"), to);
    }

    #[test]
    fn a_name_is_found_by_its_whole_words() {
        let ring = ring_of(&[&Vault::new_line()], false);
        let lines = ring.name_lines(Some("Siti  NUR-Aini, siti"));
        assert_eq!(lines.lines().count(), 3, "a word counts once");
        for word in ["siti", "nur", "aini"] {
            assert!(lines.lines().any(|line| ring.name_marks(word).contains(&line.to_owned())), "{word}");
        }
        assert!(!ring.name_marks("sit").iter().any(|mark| lines.contains(mark.as_str())), "a part of a word finds nothing");
        assert_eq!(ring.name_lines(None), "");
    }
}
