//! What was handed in, read: the chat, its files, and what staff said about it.

use std::collections::BTreeMap;

use adapter_sdk::{
    Bytes,
    form::{Form, Limits as FormLimits},
};
use jiff::civil::Date;

use crate::{
    Config,
    export::{self, Chat, Kind, Limits, Media, Message, Package, PackageError},
    wire::{self, Consent},
};

/// The fields, by the names they have on the pages.
pub(crate) mod field {
    /// A zip or a text, and files beside it.
    pub(crate) const FILES: &str = "berkas";
    /// Lines that somebody copied.
    pub(crate) const PASTED: &str = "tempelan";
    /// What people call the group.
    pub(crate) const GROUP: &str = "grup";
    /// Who exported or forwarded it.
    pub(crate) const EXPORTED_BY: &str = "pengekspor";
    /// Why it may be used.
    pub(crate) const CONSENT: &str = "izin";
    /// Code of the group's area.
    pub(crate) const AREA: &str = "wilayah";
    /// Who wrote, where the pasted text does not say.
    pub(crate) const AUTHOR: &str = "penulis";
}

/// Characters of everything short.
pub(crate) const LONGEST_NAME: usize = 100;

/// What a form for an export may hold: many loose pictures, and years of pasted words.
pub(crate) fn form_limits() -> FormLimits {
    FormLimits { parts: 500, text: 4 << 20, ..FormLimits::default() }
}

/// An export, ready to be chosen from.
pub(crate) struct Preview {
    pub(crate) chat: Chat,
    /// The id of each message, by its place.
    pub(crate) ids: Vec<String>,
    pub(crate) group: String,
    pub(crate) exported_by: String,
    pub(crate) consent: Consent,
    pub(crate) area: Option<String>,
    package: Package,
    loose: BTreeMap<String, Bytes>,
}

/// Why a form is no export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// Neither a file nor a text.
    Nothing,
    /// The file.
    Package(PackageError),
    /// There is no message in it.
    NoMessages,
}

impl NotRead {
    /// The words for it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Nothing => "unggah.nothing",
            Self::NoMessages => "unggah.no_messages",
            Self::Package(error) => match error {
                PackageError::Broken => "unggah.broken",
                PackageError::TooMany | PackageError::TooLarge => "unggah.too_large",
                PackageError::NoChat => "unggah.no_chat",
                PackageError::NotText => "unggah.not_text",
                PackageError::Locked => "unggah.locked",
            },
        }
    }
}

impl Preview {
    /// Reads a form. `today` is the day in the site's zone.
    pub(crate) fn of(form: &Form, config: &Config, today: Date) -> Result<Self, NotRead> {
        let limits = Limits { file: config.max_attachment.get(), ..Limits::default() };
        let is_chat = |name: &str| [".zip", ".txt"].iter().any(|end| name.to_lowercase().ends_with(end));
        let files = || form.files(field::FILES).filter(|file| !file.bytes.is_empty());
        let chat = files().find(|file| file.filename.as_deref().is_some_and(is_chat)).or_else(|| {
            // A telephone may name it as it likes; a picture alone is no chat.
            files().find(|file| file.bytes.starts_with(b"PK\x03\x04"))
        });
        let pasted = form.text(field::PASTED);
        let (package, author) = match (chat, pasted) {
            (Some(file), _) => (Package::read(file.bytes.clone(), limits).map_err(NotRead::Package)?, None),
            (None, Some(text)) => (Package::read(text.into_bytes().into(), limits).map_err(NotRead::Package)?, form.text(field::AUTHOR)),
            (None, None) => return Err(NotRead::Nothing),
        };
        let mut chat = export::parse(package.chat(), today);
        if chat.messages.is_empty() && author.is_some() {
            chat.messages.extend(forwarded(package.chat(), author.unwrap_or_default(), today));
        }
        if chat.messages.iter().all(|message| message.kind == Kind::System) {
            return Err(NotRead::NoMessages);
        }
        let named = |file: &adapter_sdk::form::File| Some((file.filename.clone()?, file.bytes.clone()));
        Ok(Self {
            ids: wire::ids(&chat.messages),
            chat,
            group: short(form, field::GROUP),
            exported_by: short(form, field::EXPORTED_BY),
            consent: Consent::from_word(form.typed(field::CONSENT)).unwrap_or(Consent::Untold),
            area: form.text(field::AREA),
            package,
            loose: files().filter_map(named).collect(),
        })
    }

    /// The bytes of a message's file; `None`: it was not handed in, or is larger than is taken.
    pub(crate) fn file(&self, media: &Media) -> Option<Bytes> {
        let Media::Named(name) = media else { return None };
        self.loose.get(name).cloned().or_else(|| self.package.file(name).ok().flatten())
    }

    /// Whether a message's file was handed in.
    pub(crate) fn has(&self, media: &Media) -> bool {
        matches!(media, Media::Named(name) if self.loose.contains_key(name) || self.package.has(name))
    }
}

/// A text without times is one forwarded message. Its time is not known: the beginning of today, so that the same text is the same message
/// all day.
fn forwarded(text: &str, author: String, today: Date) -> Option<Message> {
    let text = text.trim().to_owned();
    (!text.is_empty()).then(|| Message {
        at: today.to_datetime(jiff::civil::Time::midnight()),
        author: Some(author),
        text,
        media: None,
        place: None,
        kind: Kind::Said,
    })
}

fn short(form: &Form, name: &str) -> String {
    form.text(name).unwrap_or_default().chars().take(LONGEST_NAME).collect()
}
