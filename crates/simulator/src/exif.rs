//! A telephone's EXIF in a JPEG: when and where it was taken. What a citizen's photo carries, and what public copies must not.

use jiff::civil::DateTime;

/// Puts date and place into a JPEG, before its first segment. Bytes that are no JPEG come back as they were.
///
/// # Panics
/// Never: the block has a fixed size that fits.
pub fn with_place(jpeg: &[u8], lat: f64, lon: f64, taken: DateTime) -> Vec<u8> {
    let Some(rest) = jpeg.strip_prefix(&[0xFF, 0xD8]) else { return jpeg.to_vec() };
    let tiff = tiff(lat, lon, taken);
    let length = u16::try_from(tiff.len() + 8).expect("the block is some 250 bytes");
    let mut out = vec![0xFF, 0xD8, 0xFF, 0xE1];
    out.extend(length.to_be_bytes());
    out.extend(b"Exif\0\0");
    out.extend(tiff);
    out.extend(rest);
    out
}

/// Where the fixed blocks start: header 8, IFD0 with two entries 30, GPS IFD with four entries 54.
const GPS_IFD: u32 = 8 + 30;
const DATA: u32 = GPS_IFD + 54;

fn tiff(lat: f64, lon: f64, taken: DateTime) -> Vec<u8> {
    let date = format!("{}\0", taken.strftime("%Y:%m:%d %H:%M:%S"));
    let date_at = DATA;
    let lat_at = date_at + 20;
    let lon_at = lat_at + 24;
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend(2_u16.to_le_bytes());
    entry(&mut out, 0x0132, 2, 20, date_at.to_le_bytes());
    entry(&mut out, 0x8825, 4, 1, GPS_IFD.to_le_bytes());
    out.extend([0; 4]);
    out.extend(4_u16.to_le_bytes());
    entry(&mut out, 1, 2, 2, [if lat < 0.0 { b'S' } else { b'N' }, 0, 0, 0]);
    entry(&mut out, 2, 5, 3, lat_at.to_le_bytes());
    entry(&mut out, 3, 2, 2, [if lon < 0.0 { b'W' } else { b'E' }, 0, 0, 0]);
    entry(&mut out, 4, 5, 3, lon_at.to_le_bytes());
    out.extend([0; 4]);
    out.extend(date.as_bytes());
    out.extend(degrees(lat));
    out.extend(degrees(lon));
    out
}

fn entry(out: &mut Vec<u8>, tag: u16, kind: u16, count: u32, value: [u8; 4]) {
    out.extend(tag.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(value);
}

/// Degrees, minutes and hundredths of seconds as three rationals.
fn degrees(value: f64) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 180 degrees in hundredths of seconds")]
    let hundredths = (value.abs() * 360_000.0).round() as u32;
    let parts = [(hundredths / 360_000, 1), (hundredths / 6_000 % 60, 1), (hundredths % 6_000, 100)];
    parts.iter().flat_map(|(n, d): &(u32, u32)| [n.to_le_bytes(), d.to_le_bytes()].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_sits_where_readers_look_and_the_picture_follows() {
        let jpeg = with_place(&[0xFF, 0xD8, 0xFF, 0xDB], -6.175, 106.8272, jiff::civil::date(2026, 11, 20).at(7, 30, 0, 0));
        assert_eq!(&jpeg[..4], [0xFF, 0xD8, 0xFF, 0xE1]);
        assert_eq!(&jpeg[6..12], b"Exif\0\0");
        let length = usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
        assert_eq!(&jpeg[4 + length..], [0xFF, 0xDB]);
        let tiff = &jpeg[12..4 + length];
        let text = String::from_utf8_lossy(tiff);
        assert!(text.contains("2026:11:20 07:30:00"));
        let lat = usize::try_from(DATA + 20).expect("small");
        assert_eq!(tiff[lat..lat + 24], [6_u32, 1, 10, 1, 3000, 100].map(u32::to_le_bytes).concat());
    }

    #[test]
    fn what_is_no_jpeg_is_left_alone() {
        assert_eq!(with_place(b"PNG", 0.0, 0.0, jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0)), b"PNG");
    }
}
