//! `winmail.dat`: what Exchange wraps a mail's files in (TNEF, as Microsoft's MS-OXTNEF describes it). Only files, their names and the
//! plain body are read; everything is bounded by the bytes that are there.

/// The first four bytes.
const SIGNATURE: u32 = 0x223E_9F78;
/// More files than a person sends.
const MOST_FILES: usize = 50;
/// More properties of one thing than any program writes.
const MOST_PROPERTIES: u32 = 4096;

const BODY: u32 = 0x0002_800C;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
const FILE_BEGINS: u32 = 0x0006_9002;
const FILE_TITLE: u32 = 0x0001_8010;
const FILE_DATA: u32 = 0x0006_800F;
const FILE_PROPERTIES: u32 = 0x0006_9005;
const CODE_PAGE: u32 = 0x0006_9007;

const PR_BODY: u16 = 0x1000;
const PR_BODY_HTML: u16 = 0x1013;
const PR_FILE_DATA: u16 = 0x3701;
const PR_FILE_NAME: u16 = 0x3704;
const PR_FILE_LONG_NAME: u16 = 0x3707;
const PR_FILE_MIME: u16 = 0x370E;

/// What was in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wrapped<'a> {
    /// The plain body, if there is one.
    pub(crate) text: Option<String>,
    /// The body as HTML, if there is one.
    pub(crate) html: Option<String>,
    /// The files.
    pub(crate) files: Vec<File<'a>>,
}

/// One file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct File<'a> {
    pub(crate) name: Option<String>,
    pub(crate) mime: Option<String>,
    pub(crate) data: &'a [u8],
}

/// Reads it as far as it goes; `None` when it is none.
pub(crate) fn read(bytes: &[u8]) -> Option<Wrapped<'_>> {
    let mut rest = Bytes(bytes);
    if rest.u32()? != SIGNATURE {
        return None;
    }
    rest.u16()?;
    let mut wrapped = Wrapped::default();
    let mut utf8 = false;
    while let Some((id, data)) = attribute(&mut rest) {
        if id == FILE_BEGINS && wrapped.files.len() < MOST_FILES {
            wrapped.files.push(File::default());
        }
        match (id, wrapped.files.last_mut()) {
            (CODE_PAGE, _) => utf8 = Bytes(data).u32() == Some(65_001),
            (BODY, _) => wrapped.text = Some(narrow(data, utf8)),
            (MESSAGE_PROPERTIES, _) => message(data, utf8, &mut wrapped),
            (FILE_TITLE, Some(file)) => file.name = file.name.take().or_else(|| Some(narrow(data, utf8))),
            (FILE_DATA, Some(file)) => file.data = data,
            (FILE_PROPERTIES, Some(file)) => properties(data, |tag, kind, value| match tag {
                PR_FILE_LONG_NAME => file.name = Some(words(kind, value, utf8)),
                PR_FILE_NAME if file.name.is_none() => file.name = Some(words(kind, value, utf8)),
                PR_FILE_MIME => file.mime = Some(words(kind, value, utf8)),
                PR_FILE_DATA if file.data.is_empty() => file.data = value,
                _ => {}
            }),
            _ => {}
        }
    }
    wrapped.files.retain(|file| !file.data.is_empty());
    Some(wrapped)
}

fn message(data: &[u8], utf8: bool, wrapped: &mut Wrapped<'_>) {
    properties(data, |tag, kind, value| match tag {
        PR_BODY => wrapped.text = Some(words(kind, value, utf8)),
        PR_BODY_HTML => wrapped.html = Some(words(kind, value, utf8)),
        _ => {}
    });
}

/// One attribute: level, name, length, data, checksum. The checksum says nothing that the length does not.
fn attribute<'a>(rest: &mut Bytes<'a>) -> Option<(u32, &'a [u8])> {
    rest.take(1)?;
    let id = rest.u32()?;
    let length = rest.u32()?;
    let data = rest.take(length.try_into().ok()?)?;
    // A truncated end is forgiven.
    rest.u16();
    Some((id, data))
}

/// Calls `each` with tag, type and value of every property, as far as they can be read.
fn properties<'a>(data: &'a [u8], mut each: impl FnMut(u16, u16, &'a [u8])) {
    let mut rest = Bytes(data);
    let Some(count) = rest.u32() else { return };
    for _ in 0..count.min(MOST_PROPERTIES) {
        if property(&mut rest, &mut each).is_none() {
            return;
        }
    }
}

fn property<'a>(rest: &mut Bytes<'a>, each: &mut impl FnMut(u16, u16, &'a [u8])) -> Option<()> {
    let kind = rest.u16()?;
    let tag = rest.u16()?;
    if tag >= 0x8000 {
        name_of_property(rest)?;
    }
    let many = kind & 0x1000 != 0;
    let kind = kind & 0x0FFF;
    let width = match kind {
        0x02 | 0x03 | 0x04 | 0x0A | 0x0B => Some(4),
        0x05 | 0x06 | 0x07 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        0x0D | 0x1E | 0x1F | 0x102 => None,
        _ => return None,
    };
    let values = if many || width.is_none() { rest.u32()?.min(MOST_PROPERTIES) } else { 1 };
    for number in 0..values {
        let value = match width {
            Some(width) => rest.take(width)?,
            None => rest.padded()?,
        };
        if number == 0 {
            // The interface's id stands before what an object holds.
            each(tag, kind, if kind == 0x0D { value.get(16..).unwrap_or_default() } else { value });
        }
    }
    Some(())
}

fn name_of_property(rest: &mut Bytes<'_>) -> Option<()> {
    rest.take(16)?;
    if rest.u32()? == 0 {
        rest.u32()?;
    } else {
        rest.padded()?;
    }
    Some(())
}

fn words(kind: u16, value: &[u8], utf8: bool) -> String {
    if kind != 0x1F {
        return narrow(value, utf8);
    }
    let units = value.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').to_owned()
}

fn narrow(value: &[u8], utf8: bool) -> String {
    let value = value.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) if utf8 => String::from_utf8_lossy(value).into_owned(),
        Err(_) => value.iter().map(|&byte| crate::charset::windows_1252(byte.into()).unwrap_or(char::from(byte))).collect(),
    }
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|bytes| Some(u16::from_le_bytes(bytes.try_into().ok()?)))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)))
    }

    /// A length, so many bytes, and zeros up to a multiple of four.
    fn padded(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let value = self.take(length)?;
        self.take((4 - length % 4) % 4);
        Some(value)
    }
}

/// Writes one, for tests.
#[cfg(test)]
pub(crate) fn write(text: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(SIGNATURE.to_le_bytes());
    out.extend(1_u16.to_le_bytes());
    let mut attribute = |level: u8, id: u32, data: &[u8]| {
        out.push(level);
        out.extend(id.to_le_bytes());
        out.extend(u32::try_from(data.len()).expect("small").to_le_bytes());
        out.extend(data);
        out.extend(data.iter().fold(0_u16, |sum, &byte| sum.wrapping_add(byte.into())).to_le_bytes());
    };
    let unicode = |text: &str| {
        let units: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let mut value = u32::try_from(units.len()).expect("small").to_le_bytes().to_vec();
        value.extend(&units);
        value.resize(value.len().next_multiple_of(4), 0);
        value
    };
    let property = |tag: u16, text: &str| [&0x1F_u16.to_le_bytes()[..], &tag.to_le_bytes(), &1_u32.to_le_bytes(), &unicode(text)].concat();
    attribute(1, MESSAGE_PROPERTIES, &[&1_u32.to_le_bytes()[..], &property(PR_BODY, text)].concat());
    for (name, data) in files {
        attribute(2, FILE_BEGINS, &[0; 14]);
        attribute(2, FILE_TITLE, b"SHORT~1.JPG\0");
        attribute(2, FILE_DATA, data);
        attribute(2, FILE_PROPERTIES, &[&1_u32.to_le_bytes()[..], &property(PR_FILE_LONG_NAME, name)].concat());
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_names_and_words_come_out() {
        let bytes = write("Jalan rusak é", &[("foto jalan é.jpg", b"\xFF\xD8\xFFx"), ("surat.pdf", b"%PDF-")]);
        let wrapped = read(&bytes).expect("it is one");
        assert_eq!(wrapped.text.as_deref(), Some("Jalan rusak é"));
        let files: Vec<_> = wrapped.files.iter().map(|file| (file.name.as_deref(), file.data)).collect();
        assert_eq!(files, [(Some("foto jalan é.jpg"), &b"\xFF\xD8\xFFx"[..]), (Some("surat.pdf"), b"%PDF-")]);
    }

    #[test]
    fn what_is_cut_off_is_read_as_far_as_it_goes() {
        let bytes = write("x", &[("a.jpg", b"1234"), ("b.jpg", b"5678")]);
        assert!(read(&bytes[..3]).is_none());
        assert!(read(b"%PDF-1.7").is_none());
        let most = (0..bytes.len()).map(|end| read(&bytes[..end]).map_or(0, |wrapped| wrapped.files.len())).max();
        assert_eq!(most, Some(2), "the last checksum may be missing");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40), cut in any::<prop::sample::Index>()) {
            let mut bytes = write("isi", &[("foto.jpg", b"12345678"), ("dua.jpg", b"9")]);
            for (at, byte) in noise {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let end = cut.index(bytes.len());
            let _ = read(&bytes[..end]);
        }
    }
}
