//! What a photo's file says of itself: when and where it was taken. Read from the bytes that were uploaded, before the copy that may be shown loses it.

use std::io::Cursor;

use exif::{Exif, In, Reader, Tag, Value};
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use model::Point;
use store::evidence::Says;

/// No telephone took a photo before.
const FIRST_YEAR: i16 = 1995;

/// What the file says. `zone`: where the city is, for telephones that write no time zone. What cannot be read says nothing.
pub(crate) fn says(bytes: &[u8], zone: &TimeZone) -> Says {
    let Ok(exif) = Reader::new().read_from_container(&mut Cursor::new(bytes)) else { return Says::default() };
    Says { taken_at: taken_at(&exif, zone), place: place(&exif) }
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(texts) => texts.first().map(Vec::as_slice),
        _ => None,
    }
}

fn taken_at(exif: &Exif, zone: &TimeZone) -> Option<Timestamp> {
    let mut said = exif::DateTime::from_ascii(ascii(exif, Tag::DateTimeOriginal)?).ok()?;
    if let Some(offset) = ascii(exif, Tag::OffsetTimeOriginal) {
        // A zone that is not one is none.
        let _ = said.parse_offset(offset);
    }
    let small = |part: u8| i8::try_from(part).ok();
    let year = i16::try_from(said.year).ok().filter(|year| *year >= FIRST_YEAR)?;
    let (month, day) = (small(said.month)?, small(said.day)?);
    let at = DateTime::new(year, month, day, small(said.hour)?, small(said.minute)?, small(said.second)?, 0).ok()?;
    let zone = match said.offset {
        Some(minutes) => TimeZone::fixed(Offset::from_seconds(i32::from(minutes) * 60).ok()?),
        None => zone.clone(),
    };
    at.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
}

fn place(exif: &Exif) -> Option<Point> {
    let lat = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, b'S')?;
    let lon = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, b'W')?;
    // Telephones without a fix write zeros.
    Point::new(lat, lon).filter(|_| lat != 0.0 || lon != 0.0)
}

/// Degrees, minutes and seconds as one number; negative on the other side.
fn degrees(exif: &Exif, tag: Tag, side: Tag, negative: u8) -> Option<f64> {
    let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
    let [degrees, minutes, seconds] = parts[..] else { return None };
    let angle = degrees.to_f64() + minutes.to_f64() / 60.0 + seconds.to_f64() / 3600.0;
    let side = ascii(exif, side)?.first().copied()?;
    angle.is_finite().then_some(if side.eq_ignore_ascii_case(&negative) { -angle } else { angle })
}

/// A JPEG that says when (`2026:11:20 09:00:00`) and where (degrees south and east, whole seconds) it was taken, for tests.
#[cfg(test)]
pub(crate) fn photo(jpeg: &[u8], taken: &str, place: Option<([u32; 3], [u32; 3])>) -> Vec<u8> {
    use exif::{Field, Rational, experimental::Writer};
    let text = |tag, text: &str| Field { tag, ifd_num: In::PRIMARY, value: Value::Ascii(vec![text.as_bytes().to_vec()]) };
    let angle = |tag, parts: [u32; 3]| {
        let value = Value::Rational(parts.iter().map(|&num| Rational { num, denom: 1 }).collect());
        Field { tag, ifd_num: In::PRIMARY, value }
    };
    let mut fields = vec![text(Tag::DateTimeOriginal, taken)];
    if let Some((south, east)) = place {
        fields.extend([
            text(Tag::GPSLatitudeRef, "S"),
            angle(Tag::GPSLatitude, south),
            text(Tag::GPSLongitudeRef, "E"),
            angle(Tag::GPSLongitude, east),
        ]);
    }
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut tiff = Cursor::new(Vec::new());
    writer.write(&mut tiff, false).expect("fields are written");
    let body = [b"Exif\0\0".as_slice(), tiff.get_ref()].concat();
    let length = u16::try_from(body.len() + 2).expect("small");
    [&jpeg[..2], &[0xFF, 0xE1], &length.to_be_bytes(), &body, &jpeg[2..]].concat()
}

#[cfg(test)]
mod tests {
    use model::clock::Zone;

    use super::*;

    const PICTURE: &[u8] = include_bytes!("tests/photo.jpg");

    #[test]
    fn a_photo_says_when_and_where_it_was_taken_and_one_without_says_nothing() {
        let zone = Zone::Wita.time_zone();
        assert_eq!(says(PICTURE, &zone), Says::default());
        let said = says(&photo(PICTURE, "2026:11:20 09:00:00", Some(([6, 12, 0], [106, 48, 36]))), &zone);
        assert_eq!(said.taken_at, Some("2026-11-20T09:00:00+08:00".parse().expect("a time")));
        let place = said.place.expect("a place");
        assert!((place.lat + 6.2).abs() < 1e-9 && (place.lon - 106.81).abs() < 1e-9, "{}, {}", place.lat, place.lon);
        for wrong in ["0000:00:00 00:00:00", "2026:13:40 09:00:00", "1970:01:01 00:00:00", "kemarin", ""] {
            assert_eq!(says(&photo(PICTURE, wrong, Some(([0, 0, 0], [0, 0, 0]))), &zone), Says::default(), "{wrong}");
        }
    }

    #[test]
    fn no_bytes_break_the_reader() {
        let whole = photo(PICTURE, "2026:11:20 09:00:00", Some(([6, 12, 0], [106, 48, 36])));
        let head = &whole[..400.min(whole.len())];
        // Every byte of the head once wrong, and cut off everywhere.
        for at in 0..head.len() {
            for wrong in [0, 0xFF, head[at] ^ 0x55] {
                let mut bytes = head.to_vec();
                bytes[at] = wrong;
                let _ = says(&bytes, &TimeZone::UTC);
            }
            let _ = says(&head[..at], &TimeZone::UTC);
        }
    }
}
