//! Drawn photographs: streets with something wrong in them, pages of text, plain pictures. The same seed draws the same.

#![allow(dead_code, reason = "unit tests and tests with servers use different ones")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "shares of a picture become pixels and grey levels"
)]

use std::ops::Range;

use image::{DynamicImage, Rgb, RgbImage, codecs::jpeg::JpegEncoder};

type Colour = [f32; 3];

/// Numbers that look random: `SplitMix64`.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn within(&mut self, range: Range<f32>) -> f32 {
        range.start + (range.end - range.start) * (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn shade(&mut self, range: Range<f32>) -> Colour {
        let red = self.within(range);
        [red, red * self.within(0.6..1.0), red * self.within(0.5..1.0)]
    }
}

/// Draws in shares of the picture's width and height.
struct Canvas(RgbImage);

impl Canvas {
    fn new(width: u32, height: u32, colour: Colour) -> Self {
        Self(RgbImage::from_pixel(width, height, Rgb(colour.map(|channel| channel as u8))))
    }

    fn fill(&mut self, across: Range<f32>, down: Range<f32>, colour: Colour, inside: impl Fn(f32, f32) -> bool) {
        let (width, height) = (self.0.width() as f32, self.0.height() as f32);
        let pixels = |range: Range<f32>, side: f32| (range.start.clamp(0.0, 1.0) * side) as u32..(range.end.clamp(0.0, 1.0) * side) as u32;
        let colour = Rgb(colour.map(|channel| channel.clamp(0.0, 255.0) as u8));
        for y in pixels(down, height) {
            for x in pixels(across.clone(), width) {
                if inside(x as f32 / width, y as f32 / height) {
                    self.0.put_pixel(x, y, colour);
                }
            }
        }
    }

    fn rect(&mut self, across: Range<f32>, down: Range<f32>, colour: Colour) {
        self.fill(across, down, colour, |_, _| true);
    }

    fn oval(&mut self, (x, y): (f32, f32), (wide, high): (f32, f32), colour: Colour) {
        let inside = |at_x: f32, at_y: f32| ((at_x - x) / wide).powi(2) + ((at_y - y) / high).powi(2) <= 1.0;
        self.fill(x - wide..x + wide, y - high..y + high, colour, inside);
    }

    /// What a small sensor adds.
    fn grain(mut self, seed: u64) -> DynamicImage {
        let mut dice = Dice(seed);
        for pixel in self.0.pixels_mut() {
            let by = dice.below(25) as i16 - 12;
            pixel.0 = pixel.0.map(|channel| (i16::from(channel) + by).clamp(0, 255) as u8);
        }
        DynamicImage::ImageRgb8(self.0)
    }
}

/// A street as people send it, 400 by 300: bright sky, houses, a dark road, trees, poles, who passes by, and the matter: a hole, a
/// flood, a heap of waste or a fallen tree.
pub(crate) fn street(seed: u64) -> DynamicImage {
    seen_from(seed, 0.0, seed ^ 0xabcd)
}

/// The same street photographed once more: a step aside, and others pass by.
pub(crate) fn second_photo(seed: u64) -> DynamicImage {
    seen_from(seed, 0.04, seed ^ 0x9999)
}

fn seen_from(seed: u64, aside: f32, moment: u64) -> DynamicImage {
    let mut dice = Dice(seed);
    let mut canvas = Canvas::new(400, 300, [dice.within(160.0..240.0); 3]);
    let horizon = dice.within(0.25..0.5);
    canvas.rect(0.0..1.0, horizon..1.0, dice.shade(90.0..150.0));
    for _ in 0..3 + dice.below(6) {
        house(&mut canvas, &mut dice, horizon, aside);
    }
    road(&mut canvas, &mut dice, horizon, aside);
    for _ in 0..dice.below(5) {
        let at = (dice.within(0.0..1.0) + aside, horizon - dice.within(0.0..0.15));
        let leaves = dice.within(30.0..90.0);
        canvas.oval(at, (dice.within(0.04..0.15), dice.within(0.05..0.18)), [leaves * 0.6, leaves, leaves * 0.5]);
    }
    for _ in 0..=dice.below(3) {
        let at = dice.within(0.0..1.0) + aside;
        canvas.rect(at..at + 0.012, dice.within(0.0..0.25)..horizon + dice.within(0.05..0.3), [70.0; 3]);
    }
    matter(&mut canvas, &mut dice, aside);
    passers_by(&mut canvas, &mut Dice(moment), horizon);
    canvas.grain(moment)
}

fn house(canvas: &mut Canvas, dice: &mut Dice, horizon: f32, aside: f32) {
    let (left, wide, high) = (dice.within(-0.1..1.0) + aside, dice.within(0.08..0.3), dice.within(0.08..0.4));
    let (base, wall) = (horizon + dice.within(0.0..0.12), dice.shade(60.0..220.0));
    canvas.rect(left..left + wide, base - high..base, wall);
    for (column, row) in (0..3).flat_map(|column| (0..2).map(move |row| (column as f32, row as f32))) {
        let (x, y) = (left + wide * (0.15 + 0.28 * column), base - high * (0.85 - 0.4 * row));
        canvas.rect(x..x + wide * 0.14, y..y + high * 0.22, wall.map(|channel| channel * 0.5));
    }
}

fn road(canvas: &mut Canvas, dice: &mut Dice, horizon: f32, aside: f32) {
    let (middle, near, far) = (dice.within(0.3..0.7) + aside, dice.within(0.25..0.6), dice.within(0.02..0.12));
    let on_it = move |x: f32, y: f32| (x - middle).abs() <= far + (near - far) * (y - horizon) / (1.0 - horizon);
    canvas.fill(0.0..1.0, horizon..1.0, [dice.within(50.0..110.0); 3], on_it);
}

fn matter(canvas: &mut Canvas, dice: &mut Dice, aside: f32) {
    let (x, y) = (dice.within(0.2..0.8) + aside, dice.within(0.6..0.9));
    match dice.below(4) {
        0 => canvas.oval((x, y), (0.12, 0.05), [25.0; 3]),
        1 => canvas.oval((x, y), (0.35, 0.12), [150.0, 165.0, 180.0]),
        2 => {
            for _ in 0..25 {
                let at = (x + dice.within(-0.12..0.12), y + dice.within(-0.06..0.06));
                canvas.oval(at, (0.03, 0.03), dice.shade(40.0..230.0));
            }
        }
        _ => {
            canvas.rect(x - 0.3..x + 0.3, y - 0.03..y + 0.02, [70.0, 50.0, 35.0]);
            canvas.oval((x + 0.25, y - 0.03), (0.15, 0.1), [40.0, 75.0, 35.0]);
        }
    }
}

fn passers_by(canvas: &mut Canvas, dice: &mut Dice, horizon: f32) {
    for _ in 0..dice.below(4) {
        let (x, y, size) = (dice.within(0.0..0.9), horizon + dice.within(0.05..0.35), dice.within(0.05..0.2));
        canvas.rect(x..x + size, y..y + size * 0.6, dice.shade(20.0..230.0));
        for wheel in [0.2, 0.8] {
            canvas.oval((x + size * wheel, y + size * 0.6), (size * 0.12, size * 0.14), [20.0; 3]);
        }
    }
}

/// A letter, photographed straight: all letters look much alike.
pub(crate) fn letter(seed: u64) -> DynamicImage {
    let mut dice = Dice(seed);
    let mut canvas = Canvas::new(300, 400, [250.0; 3]);
    let mut down = dice.within(0.03..0.1);
    canvas.rect(0.1..0.1 + dice.within(0.2..0.6), down..down + 0.025, [30.0; 3]);
    down += 0.06;
    let end = 0.95 - dice.within(0.0..0.3);
    while down < end {
        let (mut across, last) = (0.08, if dice.below(5) == 0 { dice.within(0.3..0.8) } else { 0.92 });
        while across < last {
            let word = dice.within(0.02..0.12);
            canvas.rect(across..(across + word).min(last), down..down + 0.012, [60.0; 3]);
            across += word + 0.012;
        }
        down += if dice.below(6) == 0 { 0.05 } else { 0.024 };
    }
    DynamicImage::ImageRgb8(canvas.0)
}

/// Pictures that say nothing, each with its name.
pub(crate) fn plain() -> Vec<(&'static str, DynamicImage)> {
    let canvas = |colour| Canvas::new(400, 300, colour);
    let shaded =
        |shade: fn(u32, u32) -> u32| DynamicImage::ImageRgb8(RgbImage::from_fn(400, 300, |x, y| Rgb([shade(x, y).min(255) as u8; 3])));
    let mut logo = canvas([255.0; 3]);
    logo.oval((0.5, 0.5), (0.06, 0.08), [200.0, 30.0, 30.0]);
    vec![
        ("black", DynamicImage::ImageRgb8(canvas([0.0; 3]).0)),
        ("white", DynamicImage::ImageRgb8(canvas([255.0; 3]).0)),
        ("a wall", canvas([190.0, 180.0, 160.0]).grain(1)),
        ("a pocket at night", canvas([8.0; 3]).grain(2)),
        ("sky", shaded(|_, y| 120 + y / 4)),
        ("light from a corner", shaded(|x, y| (x + y) / 3)),
        ("half black", shaded(|x, _| if x < 200 { 0 } else { 255 })),
        ("a dot on white", DynamicImage::ImageRgb8(logo.0)),
        ("one pixel", DynamicImage::ImageRgb8(RgbImage::from_pixel(1, 1, Rgb([90; 3])))),
    ]
}

/// As a file, compressed this much: 1 to 100.
pub(crate) fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&picture.to_rgb8()).expect("encodes");
    bytes
}
