//! A picture anew: upright, not too large, and without anything that its camera wrote into it.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage, codecs::jpeg::JpegEncoder, imageops::FilterType};
use model::Look;

use crate::look::look;

/// A copy that may be shown.
#[derive(Debug)]
pub(crate) struct Copy {
    /// JPEG.
    pub(crate) bytes: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// By which the same photo is known again; `None`: too plain.
    pub(crate) look: Option<Look>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    #[error("the picture has too many pixels")]
    TooManyPixels,
    #[error("the picture cannot be decoded")]
    Decode(#[source] image::ImageError),
    #[error("the picture cannot be written anew")]
    Encode(#[source] image::ImageError),
}

/// Good enough to read a street sign, small enough for a telephone.
const QUALITY: u8 = 82;
/// Of one decoded pixel at most: four channels. Deeper ones are decoded where the picture is small enough.
const BYTES_A_PIXEL: u64 = 4;

/// Decodes within bounds, turns it upright, makes it small enough and encodes it as JPEG. The pixels are all that goes over.
pub(crate) fn public_copy(bytes: &[u8], format: ImageFormat, most_pixels: u64, longest_side: u32) -> Result<Copy, PictureError> {
    let picture = decode(bytes, format, most_pixels)?;
    let fits = picture.width().max(picture.height()) <= longest_side;
    let picture = if fits { picture } else { picture.resize(longest_side, longest_side, FilterType::Triangle) };
    let flat = on_white(picture);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&flat).map_err(PictureError::Encode)?;
    let (width, height) = flat.dimensions();
    Ok(Copy { bytes: jpeg, width, height, look: look(&flat.into()) })
}

/// The header says how large it is before a pixel is decoded: a bomb is refused for the price of its header.
fn decode(bytes: &[u8], format: ImageFormat, most_pixels: u64) -> Result<DynamicImage, PictureError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(most_pixels.saturating_mul(BYTES_A_PIXEL));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(too_many_or_broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > most_pixels {
        return Err(PictureError::TooManyPixels);
    }
    let upright = decoder.orientation().map_err(PictureError::Decode)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(too_many_or_broken)?;
    picture.apply_orientation(upright);
    Ok(picture)
}

fn too_many_or_broken(error: image::ImageError) -> PictureError {
    match error {
        image::ImageError::Limits(_) => PictureError::TooManyPixels,
        error => PictureError::Decode(error),
    }
}

/// JPEG knows no transparency: what shines through is white.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let rgba = picture.into_rgba8();
    let mix = |channel: u8, alpha: u8| {
        let (channel, alpha) = (u16::from(channel), u16::from(alpha));
        u8::try_from((channel * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        image::Rgb([mix(r, a), mix(g, a), mix(b, a)])
    })
}

#[cfg(test)]
mod tests {
    use image::{ImageEncoder, Rgb, Rgba, RgbaImage, codecs::png::PngEncoder};

    use super::*;

    const PIXELS: u64 = 50_000_000;

    /// A picture of 40 by 20, red on its left half.
    fn half_red() -> RgbImage {
        RgbImage::from_fn(40, 20, |x, _| if x < 20 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) })
    }

    fn jpeg(picture: &RgbImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(picture).expect("encodes");
        bytes
    }

    /// EXIF as a telephone writes it, made by hand: the orientation, and a place in the GPS directory.
    fn exif(orientation: u8) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0".to_vec();
        tiff.extend([2, 0]); // two entries
        tiff.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]); // orientation
        tiff.extend([0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0]); // GPS directory at 38
        tiff.extend([0, 0, 0, 0]);
        tiff.extend([1, 0]); // one entry
        tiff.extend([0x01, 0x00, 2, 0, 2, 0, 0, 0, b'S', 0, 0, 0]); // latitude: south
        tiff.extend([0, 0, 0, 0]);
        tiff.extend(b"GPSMARK");
        let mut segment = b"Exif\0\0".to_vec();
        segment.extend(tiff);
        segment
    }

    /// The same JPEG with an EXIF segment behind its first marker.
    fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let segment = exif(orientation);
        let length = u16::try_from(segment.len() + 2).expect("short");
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend([0xFF, 0xE1]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(segment);
        bytes.extend(&jpeg[2..]);
        bytes
    }

    fn holds(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn where_it_was_taken_is_gone_and_it_stands_upright() {
        let original = with_exif(&jpeg(&half_red()), 6); // turn right by a quarter
        assert!(holds(&original, b"GPSMARK") && holds(&original, b"Exif"));
        let copy = public_copy(&original, ImageFormat::Jpeg, PIXELS, 2048).expect("a picture");
        assert!(!holds(&copy.bytes, b"GPSMARK") && !holds(&copy.bytes, b"Exif"));
        assert_eq!((copy.width, copy.height), (20, 40));
        let seen = image::load_from_memory(&copy.bytes).expect("a picture").into_rgb8();
        assert!(seen.get_pixel(10, 5).0[0] > 200, "what was left is above");
        assert!(seen.get_pixel(10, 35).0[2] > 200, "what was right is below");
    }

    #[test]
    fn a_large_picture_becomes_small_and_a_small_one_stays() {
        let large = jpeg(&RgbImage::new(3000, 1500));
        let copy = public_copy(&large, ImageFormat::Jpeg, PIXELS, 2048).expect("a picture");
        assert_eq!((copy.width, copy.height), (2048, 1024));
        let copy = public_copy(&jpeg(&half_red()), ImageFormat::Jpeg, PIXELS, 2048).expect("a picture");
        assert_eq!((copy.width, copy.height), (40, 20));
    }

    /// A PNG whose header promises 60,000 by 60,000 pixels.
    fn bomb() -> Vec<u8> {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes).write_image(&[0; 4], 2, 2, image::ExtendedColorType::L8).expect("encodes");
        bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        let checksum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
        })
    }

    #[test]
    fn a_bomb_is_refused_by_its_header() {
        let refused = public_copy(&bomb(), ImageFormat::Png, PIXELS, 2048);
        assert!(matches!(refused, Err(PictureError::TooManyPixels)), "{refused:?}");
    }

    #[test]
    fn half_a_picture_of_nonsense_is_refused_without_panic() {
        let refused = public_copy(b"\xFF\xD8\xFF\xE0 no picture at all", ImageFormat::Jpeg, PIXELS, 2048);
        assert!(matches!(refused, Err(PictureError::Decode(_))), "{refused:?}");
    }

    #[test]
    fn what_shines_through_is_white() {
        let mut bytes = Vec::new();
        let clear = RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0]));
        PngEncoder::new(&mut bytes).write_image(&clear, 8, 8, image::ExtendedColorType::Rgba8).expect("encodes");
        let copy = public_copy(&bytes, ImageFormat::Png, PIXELS, 2048).expect("a picture");
        let seen = image::load_from_memory(&copy.bytes).expect("a picture").into_rgb8();
        assert!(seen.get_pixel(4, 4).0.iter().all(|channel| *channel > 250));
    }
}
