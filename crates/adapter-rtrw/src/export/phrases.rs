//! What WhatsApp itself writes into a chat, in Indonesian and English. Compared in lower case, without marks.

/// A file is named, and these words say that it lies beside the chat.
pub(super) const ATTACHED: [&str; 4] = ["(file terlampir)", "(berkas terlampir)", "(file attached)", "(attached)"];

/// `<attached: NAME>`
pub(super) const ATTACHED_PREFIX: [&str; 3] = ["<terlampir: ", "<dilampirkan: ", "<attached: "];

/// A file that was not exported, whatever it was.
pub(super) const OMITTED: [&str; 4] = ["<media tidak disertakan>", "<media omitted>", "<media dihilangkan>", "<tanpa media>"];

/// The same, named by its kind before these words.
pub(super) const OMITTED_SUFFIX: [&str; 4] = [" tidak disertakan", " dihilangkan", " tidak disertakan.", " omitted"];

/// Kinds that stand before [`OMITTED_SUFFIX`].
pub(super) const OMITTED_KINDS: [&str; 16] = [
    "gambar",
    "foto",
    "video",
    "audio",
    "pesan suara",
    "stiker",
    "dokumen",
    "gif",
    "kartu kontak",
    "catatan video",
    "image",
    "photo",
    "sticker",
    "document",
    "contact card",
    "video note",
];

/// A message that its author took back.
pub(super) const DELETED: [&str; 10] = [
    "pesan ini telah dihapus",
    "pesan ini dihapus",
    "anda menghapus pesan ini",
    "anda telah menghapus pesan ini",
    "pesan ini dihapus oleh admin",
    "this message was deleted",
    "you deleted this message",
    "this message was deleted by admin",
    "pesan ini sudah dihapus",
    "null",
];

/// Stands behind a message that was changed.
pub(super) const EDITED: [&str; 4] =
    ["<pesan ini diedit>", "<pesan ini telah diedit>", "<this message was edited>", "<pesan ini sudah diedit>"];

/// Before the address of a place on the map.
pub(super) const PLACE: [&str; 2] = ["lokasi: ", "location: "];

/// Parts of what WhatsApp says of the group itself. A line with one of these, and without an author whom it is said of, is nobody's.
pub(super) const SYSTEM: [&str; 38] = [
    "dienkripsi secara end-to-end",
    "end-to-end encrypted",
    "membuat grup",
    "created group",
    "created this group",
    " menambahkan ",
    " added ",
    " ditambahkan",
    " mengeluarkan ",
    " removed ",
    " keluar",
    " left",
    "bergabung menggunakan tautan",
    "joined using",
    "mengubah subjek",
    "mengubah nama grup",
    "changed the subject",
    "changed the group name",
    "mengubah ikon grup",
    "mengubah foto grup",
    "changed this group's icon",
    "mengubah deskripsi grup",
    "changed the group description",
    "mengubah setelan",
    "changed the settings",
    "changed this group's settings",
    "sekarang admin",
    "now an admin",
    "kode keamanan",
    "security code",
    "mengganti nomor",
    "changed their phone number",
    "changed to ",
    "mengaktifkan pesan sementara",
    "turned on disappearing messages",
    "menyematkan pesan",
    "pinned a message",
    "meminta untuk bergabung",
];
