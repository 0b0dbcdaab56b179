//! Photos that nobody took: drawn scenes with grain, without letters or faces.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::Random;

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A hole in a road.
    Pothole,
    /// Rubbish in a heap.
    Rubbish,
    /// Water over a street.
    Flood,
    /// A dark street with a dead lamp.
    Lamp,
    /// A tree across the road.
    Tree,
    /// A broken gutter.
    Drain,
}

const WIDTH: u32 = 800;
const HEIGHT: u32 = 600;

type Colour = [u8; 3];

/// Draws a scene as a JPEG. The same chance draws the same picture.
///
/// # Panics
/// Never: a picture of fixed size is written to memory.
pub fn photo(scene: Scene, random: &mut Random) -> Vec<u8> {
    let mut picture = RgbImage::new(WIDTH, HEIGHT);
    match scene {
        Scene::Pothole => pothole(&mut picture, random),
        Scene::Rubbish => rubbish(&mut picture, random),
        Scene::Flood => flood(&mut picture, random),
        Scene::Lamp => lamp(&mut picture, random),
        Scene::Tree => tree(&mut picture, random),
        Scene::Drain => drain(&mut picture, random),
    }
    grain(&mut picture, random);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut jpeg, ImageFormat::Jpeg).expect("a picture of fixed size is written to memory");
    jpeg.into_inner()
}

fn pothole(picture: &mut RgbImage, random: &mut Random) {
    street(picture, [150, 170, 190], [96, 96, 98]);
    let (x, y) = (random.between(250.0, 550.0), random.between(380.0, 500.0));
    let size = random.between(60.0, 130.0);
    ellipse(picture, (x, y), (size * 1.15, size * 0.55), [74, 68, 60]);
    ellipse(picture, (x + 5.0, y + 6.0), (size, size * 0.45), [48, 42, 36]);
    ellipse(picture, (x - 8.0, y + 10.0), (size * 0.6, size * 0.2), [104, 108, 112]);
}

fn rubbish(picture: &mut RgbImage, random: &mut Random) {
    street(picture, [176, 196, 208], [120, 112, 100]);
    let colours: [Colour; 7] = [[30, 30, 34], [200, 200, 196], [40, 90, 170], [170, 40, 40], [210, 180, 60], [60, 130, 70], [120, 90, 60]];
    for _ in 0..220 {
        let x = random.between(160.0, 640.0);
        let height = 190.0 * (1.0 - ((x - 400.0) / 250.0).powi(2)).max(0.05);
        let y = 520.0 - random.unit() * height;
        let colour = *random.pick(&colours);
        ellipse(picture, (x, y), (random.between(8.0, 34.0), random.between(6.0, 24.0)), colour);
    }
}

fn flood(picture: &mut RgbImage, random: &mut Random) {
    gradient(picture, 0, 260, [140, 150, 160], [190, 195, 198]);
    for house in 0..6_u32 {
        let top = 110 + u32::try_from(random.below(80)).unwrap_or(0);
        let shade = 110 + u8::try_from(random.below(90)).unwrap_or(0);
        rectangle(picture, (house * 140, top), (house * 140 + 120, 300), [shade, shade - 20, shade - 40]);
        rectangle(picture, (house * 140 + 40, 230), (house * 140 + 75, 300), [60, 50, 44]);
    }
    gradient(picture, 260, HEIGHT, [134, 112, 84], [104, 84, 60]);
    for _ in 0..160 {
        let y = random.between(270.0, 590.0);
        ellipse(picture, (random.between(0.0, 800.0), y), (random.between(20.0, 80.0), 1.5), [164, 146, 116]);
    }
}

fn lamp(picture: &mut RgbImage, random: &mut Random) {
    gradient(picture, 0, 330, [8, 10, 26], [20, 22, 40]);
    gradient(picture, 330, HEIGHT, [26, 26, 30], [14, 14, 16]);
    let x = 300 + u32::try_from(random.below(200)).unwrap_or(0);
    rectangle(picture, (x, 90), (x + 10, 470), [52, 54, 58]);
    rectangle(picture, (x, 90), (x + 120, 98), [52, 54, 58]);
    ellipse(picture, (f64::from(x) + 125.0, 104.0), (26.0, 10.0), [70, 70, 66]);
    for _ in 0..9 {
        ellipse(picture, (random.between(0.0, 800.0), random.between(250.0, 330.0)), (5.0, 4.0), [220, 190, 120]);
    }
}

fn tree(picture: &mut RgbImage, random: &mut Random) {
    street(picture, [170, 190, 205], [100, 100, 102]);
    for step in 0..360_u32 {
        let at = f64::from(step);
        ellipse(picture, (120.0 + at * 1.4, 470.0 - at * 0.16), (16.0, 16.0 - at / 40.0), [88, 62, 40]);
    }
    for _ in 0..260 {
        let green = 70 + u8::try_from(random.below(90)).unwrap_or(0);
        let (turn, far) = (random.between(0.0, std::f64::consts::TAU), random.unit().sqrt());
        let (x, y) = (610.0 + 150.0 * far * turn.cos(), 400.0 + 95.0 * far * turn.sin());
        ellipse(picture, (x, y), (random.between(8.0, 26.0), random.between(6.0, 18.0)), [30, green, 36]);
    }
}

fn drain(picture: &mut RgbImage, random: &mut Random) {
    street(picture, [180, 188, 190], [128, 124, 118]);
    rectangle(picture, (300, 250), (470, HEIGHT), [70, 66, 60]);
    rectangle(picture, (318, 250), (452, HEIGHT), [44, 46, 38]);
    for slab in 0..5_u32 {
        let y = 270 + slab * 66;
        if !random.chance(40) {
            rectangle(picture, (292, y), (478, y + 52), [158, 156, 150]);
        }
    }
    for _ in 0..40 {
        ellipse(picture, (random.between(325.0, 445.0), random.between(260.0, 590.0)), (9.0, 5.0), [104, 98, 60]);
    }
}

fn street(picture: &mut RgbImage, sky: Colour, ground: Colour) {
    gradient(picture, 0, 240, sky, [214, 220, 222]);
    rectangle(picture, (0, 170), (WIDTH, 240), [122, 134, 112]);
    gradient(picture, 240, HEIGHT, ground, ground.map(|c| c.saturating_sub(24)));
    for dash in 0..5_u32 {
        let y = 260 + dash * 70;
        rectangle(picture, (396 - dash * 2, y), (404 + dash * 2, y + 20 + dash * 6), [214, 212, 200]);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mixture of two colours is a colour")]
fn gradient(picture: &mut RgbImage, top: u32, bottom: u32, from: Colour, to: Colour) {
    for y in top..bottom.min(HEIGHT) {
        let share = f64::from(y - top) / f64::from(bottom - top);
        let colour: Colour = std::array::from_fn(|i| (f64::from(from[i]) * (1.0 - share) + f64::from(to[i]) * share) as u8);
        rectangle(picture, (0, y), (WIDTH, y + 1), colour);
    }
}

fn rectangle(picture: &mut RgbImage, (left, top): (u32, u32), (right, bottom): (u32, u32), colour: Colour) {
    for y in top..bottom.min(HEIGHT) {
        for x in left..right.min(WIDTH) {
            picture.put_pixel(x, y, Rgb(colour));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture before the cast")]
fn ellipse(picture: &mut RgbImage, (x, y): (f64, f64), (wide, high): (f64, f64), colour: Colour) {
    let within = |value: f64, limit: u32| value.clamp(0.0, f64::from(limit)) as u32;
    for py in within(y - high, HEIGHT)..within(y + high + 1.0, HEIGHT) {
        for px in within(x - wide, WIDTH)..within(x + wide + 1.0, WIDTH) {
            let (dx, dy) = ((f64::from(px) - x) / wide, (f64::from(py) - y) / high);
            if dx * dx + dy * dy <= 1.0 {
                picture.put_pixel(px, py, Rgb(colour));
            }
        }
    }
}

/// What a cheap sensor adds.
fn grain(picture: &mut RgbImage, random: &mut Random) {
    for pixel in picture.pixels_mut() {
        let noise = random.bits().to_le_bytes()[0] % 17;
        pixel.0 = pixel.0.map(|c| c.saturating_add(noise).saturating_sub(8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_is_a_jpeg_of_its_own() {
        let all = [Scene::Pothole, Scene::Rubbish, Scene::Flood, Scene::Lamp, Scene::Tree, Scene::Drain];
        let mut seen = Vec::new();
        for scene in all {
            let jpeg = photo(scene, &mut Random::new(5));
            let read = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).expect("a JPEG");
            assert_eq!((read.width(), read.height()), (WIDTH, HEIGHT));
            assert!(!seen.contains(&jpeg), "{scene:?}");
            seen.push(jpeg);
        }
        assert_eq!(photo(Scene::Flood, &mut Random::new(5)), photo(Scene::Flood, &mut Random::new(5)));
        assert_ne!(photo(Scene::Flood, &mut Random::new(5)), photo(Scene::Flood, &mut Random::new(6)));
    }
}
