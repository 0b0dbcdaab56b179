//! Files of citizens: what they are by their bytes, and the copy without what the camera wrote into it. The modules are `intake`'s own, read
//! from there, because `intake` brings the database along.
#![no_main]

#[path = "../../crates/intake/src/look.rs"]
mod look;
#[expect(dead_code, reason = "a part of intake")]
#[path = "../../crates/intake/src/picture.rs"]
mod picture;
#[expect(dead_code, reason = "a part of intake")]
#[path = "../../crates/intake/src/sniff.rs"]
mod sniff;

use image::ImageFormat;
use libfuzzer_sys::fuzz_target;

/// Small, so that an input takes microseconds.
const MOST_PIXELS: u64 = 1 << 16;
const LONGEST_SIDE: u32 = 64;

fuzz_target!(|bytes: &[u8]| {
    let _ = sniff::sniff(bytes);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let Ok(copy) = picture::public_copy(bytes, format, MOST_PIXELS, LONGEST_SIDE) else { continue };
        assert!(copy.width.max(copy.height) <= LONGEST_SIDE);
        assert!(!copy.bytes.windows(6).any(|six| six == b"Exif\0\0"), "nothing of the camera is left");
    }
});
