//! The file that was handed in: a zip with the chat and its media, or the chat alone. Bounded against bombs: nothing is unpacked before
//! somebody chose it, and never more than was allowed, whatever the zip claims.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use adapter_sdk::Bytes;
use zip::ZipArchive;

/// What a package may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries of a zip.
    pub entries: usize,
    /// Bytes of the chat's text.
    pub chat: usize,
    /// Bytes of one file beside it.
    pub file: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 20_000, chat: 32 << 20, file: 20 << 20 }
    }
}

/// Why a file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It is not a zip that can be read, or part of one.
    #[error("the zip is broken")]
    Broken,
    /// It holds more files than a chat does.
    #[error("the zip holds too many files")]
    TooMany,
    /// Something in it is larger than allowed, or says another size than it has.
    #[error("something in it is too large")]
    TooLarge,
    /// There is no `_chat.txt` or other text in it.
    #[error("there is no chat in it")]
    NoChat,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotText,
    /// It needs a password.
    #[error("the zip is locked")]
    Locked,
}

/// A chat and what lies beside it.
#[derive(Debug)]
pub struct Package {
    chat: String,
    /// Place in the zip and size as claimed, by the name without its folders.
    files: BTreeMap<String, (usize, u64)>,
    zip: Bytes,
    limits: Limits,
}

impl Package {
    /// Reads a zip or a text.
    pub fn read(bytes: Bytes, limits: Limits) -> Result<Self, PackageError> {
        if !bytes.starts_with(b"PK\x03\x04") && !bytes.starts_with(b"PK\x05\x06") {
            if bytes.len() > limits.chat {
                return Err(PackageError::TooLarge);
            }
            return Ok(Self { chat: text(bytes.to_vec())?, files: BTreeMap::new(), zip: Bytes::new(), limits });
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|_| PackageError::Broken)?;
        if archive.len() > limits.entries {
            return Err(PackageError::TooMany);
        }
        let mut files = BTreeMap::new();
        for at in 0..archive.len() {
            let entry = archive.by_index_raw(at).map_err(|_| PackageError::Broken)?;
            // A name that cannot be read names nothing that a chat speaks of.
            let Ok(name) = entry.name() else { continue };
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            // What a Mac adds beside each file is none.
            if entry.is_file() && !name.is_empty() && !name.starts_with("._") {
                files.entry(name).or_insert((at, entry.size()));
            }
        }
        let chat = chat_of(&files).ok_or(PackageError::NoChat)?;
        let chat = text(unpack(&bytes, chat, limits.chat)?)?;
        Ok(Self { chat, files, zip: bytes, limits })
    }

    /// The text of the chat.
    pub fn chat(&self) -> &str {
        &self.chat
    }

    /// Whether a file of this name lies beside the chat.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// The bytes of a file beside the chat; `None`: there is none.
    pub fn file(&self, name: &str) -> Result<Option<Bytes>, PackageError> {
        let Some((at, _)) = self.files.get(name) else { return Ok(None) };
        unpack(&self.zip, *at, self.limits.file).map(|bytes| Some(bytes.into()))
    }
}

/// `_chat.txt`, or the only text, or the largest.
fn chat_of(files: &BTreeMap<String, (usize, u64)>) -> Option<usize> {
    let texts = files.iter().filter(|(name, _)| name.to_ascii_lowercase().ends_with(".txt"));
    let named = files.get("_chat.txt").map(|(at, _)| *at);
    named.or_else(|| texts.max_by_key(|(_, (_, size))| *size).map(|(_, (at, _))| *at))
}

/// At most `most` bytes, counted as they come: what a zip says of itself is no promise.
fn unpack(zip: &Bytes, at: usize, most: usize) -> Result<Vec<u8>, PackageError> {
    let mut archive = ZipArchive::new(Cursor::new(zip.clone())).map_err(|_| PackageError::Broken)?;
    let entry = archive.by_index(at).map_err(|error| match error {
        zip::result::ZipError::UnsupportedArchive(zip::result::ZipError::PASSWORD_REQUIRED) => PackageError::Locked,
        _ => PackageError::Broken,
    })?;
    if entry.encrypted() {
        return Err(PackageError::Locked);
    }
    if entry.size() > most as u64 {
        return Err(PackageError::TooLarge);
    }
    let mut bytes = Vec::new();
    entry.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|_| PackageError::Broken)?;
    if bytes.len() > most { Err(PackageError::TooLarge) } else { Ok(bytes) }
}

fn text(bytes: Vec<u8>) -> Result<String, PackageError> {
    String::from_utf8(bytes).map_err(|_| PackageError::NotText)
}
