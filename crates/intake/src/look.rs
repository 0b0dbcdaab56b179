//! How a picture looks, in 64 bits: it is made small and grey, taken apart into waves, and each bit says whether one of the 64 coarse
//! ones is above the middle. Compressing, resizing, brightening and a narrow crop move few of them; another scene moves half.

use std::{array, f32::consts::PI, sync::LazyLock};

use image::{DynamicImage, imageops::FilterType};
use model::Look;

/// Of the small picture, in pixels; four for each of the shortest waves.
const SIDE: usize = 32;
/// Waves a direction. The wave of length nothing is left out: it is how bright the rows and columns are, which most streets share, with
/// their sky above and their road below.
const WAVES: usize = 8;
/// Half of the waves are at least so far from the middle one, in grey levels of 255: below, compressing again would throw the dice. A black
/// or one-colour picture, noise, a gradient and a small dot on white stay below; a street at night does not.
const LEAST_APART: f32 = 4.0;

/// The look of a picture; `None`: it is too plain to tell it from others.
pub(crate) fn look(picture: &DynamicImage) -> Option<Look> {
    let waves = waves(&small(picture));
    let mut sorted = waves;
    sorted.sort_by(f32::total_cmp);
    let middle = f32::midpoint(sorted[waves.len() / 2 - 1], sorted[waves.len() / 2]);
    let mut apart = waves.map(|wave| (wave - middle).abs());
    apart.sort_by(f32::total_cmp);
    if apart[waves.len() / 2] < LEAST_APART {
        return None;
    }
    Some(Look(waves.iter().enumerate().fold(0, |bits, (at, wave)| bits | u64::from(*wave > middle) << at)))
}

fn small(picture: &DynamicImage) -> [[f32; SIDE]; SIDE] {
    let side = u32::try_from(SIDE).unwrap_or_default();
    let small = picture.resize_exact(side, side, FilterType::Triangle).into_luma8();
    let grey = |x: usize, y: usize| f32::from(small.as_raw()[y * SIDE + x]);
    array::from_fn(|y| array::from_fn(|x| grey(x, y)))
}

/// The cosine transform (DCT-II, orthonormal), coarse waves only: rows first, then columns.
fn waves(grey: &[[f32; SIDE]; SIDE]) -> [f32; WAVES * WAVES] {
    let along =
        |values: &[f32; SIDE], wave: usize| -> f32 { values.iter().zip(&COSINES[wave]).map(|(value, cosine)| value * cosine).sum() };
    let rows: [[f32; SIDE]; WAVES] = array::from_fn(|wave| array::from_fn(|y| along(&grey[y], wave)));
    array::from_fn(|at| along(&rows[at % WAVES], at / WAVES))
}

static COSINES: LazyLock<[[f32; SIDE]; WAVES]> = LazyLock::new(|| {
    let side = 32.0_f32;
    let mut turn = 0.0;
    array::from_fn(|_| {
        turn += PI / side;
        let mut place = -0.5;
        array::from_fn(|_| {
            place += 1.0;
            (turn * place).cos() * (2.0 / side).sqrt()
        })
    })
});

#[cfg(test)]
mod tests {
    use image::GenericImageView;
    use model::SAME_LOOK;

    use super::*;
    use crate::scenes::{jpeg, letter, plain, second_photo, street};

    /// How many streets are drawn: few where nothing is optimised.
    const MANY: u64 = if cfg!(debug_assertions) { 8 } else { 150 };

    fn of(picture: &DynamicImage) -> Look {
        look(picture).expect("is not plain")
    }

    fn sent(picture: &DynamicImage, quality: u8) -> DynamicImage {
        image::load_from_memory(&jpeg(picture, quality)).expect("a picture")
    }

    /// Cut off this many thousandths on each side: left, top, right, bottom.
    fn cut(picture: &DynamicImage, off: [u32; 4]) -> DynamicImage {
        let (width, height) = picture.dimensions();
        let [left, top, right, bottom] = [off[0] * width, off[1] * height, off[2] * width, off[3] * height].map(|off| off / 1000);
        picture.crop_imm(left, top, width - left - right, height - top - bottom)
    }

    /// What becomes of a photo between two telephones, and how many of a hundred must be known again.
    type Way = (&'static str, u64, fn(&DynamicImage) -> DynamicImage);

    const WAYS: [Way; 18] = [
        ("compressed, 90", 100, |photo| sent(photo, 90)),
        ("compressed, 50", 100, |photo| sent(photo, 50)),
        ("compressed, 15", 100, |photo| sent(photo, 15)),
        ("half the size, 70", 100, |photo| sent(&photo.resize(200, 150, FilterType::Lanczos3), 70)),
        ("100 pixels wide, 60", 100, |photo| sent(&photo.resize(100, 75, FilterType::Triangle), 60)),
        ("twice the size, 80", 100, |photo| sent(&photo.resize(800, 600, FilterType::CatmullRom), 80)),
        ("squeezed to a square", 100, |photo| sent(&photo.resize_exact(300, 300, FilterType::Triangle), 80)),
        ("through two platforms", 100, |photo| {
            sent(&sent(&photo.resize(320, 240, FilterType::Triangle), 70).resize(250, 188, FilterType::Lanczos3), 60)
        }),
        ("brighter by 25 of 255", 99, |photo| sent(&photo.brighten(25), 85)),
        ("brighter by 50", 97, |photo| sent(&photo.brighten(50), 85)),
        ("darker by 40", 97, |photo| sent(&photo.brighten(-40), 85)),
        ("more contrast by 20 %", 97, |photo| sent(&photo.adjust_contrast(20.0), 85)),
        ("less contrast by 20 %", 99, |photo| sent(&photo.adjust_contrast(-20.0), 85)),
        ("grey", 100, |photo| sent(&photo.grayscale(), 85)),
        ("cut by 1 % on each side", 95, |photo| sent(&cut(photo, [10; 4]), 85)),
        ("cut by 2 % on each side", 50, |photo| sent(&cut(photo, [20; 4]), 85)),
        ("cut by 3 % above", 30, |photo| sent(&cut(photo, [0, 30, 0, 0]), 85)),
        ("cut by 5 % on each side", 0, |photo| sent(&cut(photo, [50; 4]), 85)),
    ];

    fn share(of: &[u32]) -> u64 {
        let same = of.iter().filter(|apart| **apart <= SAME_LOOK).count();
        u64::try_from(100 * same / of.len()).expect("small")
    }

    /// With `--release --no-capture` it prints the figures of decision 28.
    #[test]
    fn a_photo_is_known_again_after_its_way_and_another_scene_is_not() {
        let streets: Vec<DynamicImage> = (0..MANY).map(|seed| street(seed * 7919 + 1)).collect();
        let looks: Vec<Look> = streets.iter().map(of).collect();
        for (way, least, change) in WAYS {
            let mut apart: Vec<u32> = streets.iter().zip(&looks).map(|(photo, look)| of(&change(photo)).apart(*look)).collect();
            apart.sort_unstable();
            let found = share(&apart);
            println!("{way:26} {found:3} of 100 known; bits apart: median {:2}, most {:2}", apart[apart.len() / 2], apart[apart.len() - 1]);
            assert!(found >= least, "{way}: {found} of 100 known again");
        }
        let again: Vec<u32> = (0..).zip(&looks).map(|(seed, look)| of(&second_photo(seed * 7919 + 1)).apart(*look)).collect();
        println!("a second photo of the same place: {} of 100 within the bound", share(&again));
        let letters: Vec<Look> = (0..MANY).map(|seed| of(&letter(seed * 13 + 7))).collect();
        for (what, looks, of_a_thousand) in [("streets", &looks, 0), ("letters", &letters, 5)] {
            let pairs = looks.iter().enumerate().flat_map(|(at, one)| looks[..at].iter().map(|other| one.apart(*other)));
            let mut apart: Vec<u32> = pairs.collect();
            apart.sort_unstable();
            let wrong = apart.iter().filter(|bits| **bits <= SAME_LOOK).count();
            println!(
                "{what}: {wrong} of {} pairs look the same; nearest {} bits, median {}",
                apart.len(),
                apart[0],
                apart[apart.len() / 2]
            );
            assert!(wrong * 1000 <= of_a_thousand * apart.len(), "{what}: {wrong} pairs look the same");
        }
    }

    #[test]
    fn plain_pictures_have_no_look_also_once_they_are_compressed_and_a_dim_street_has_one() {
        for (what, picture) in plain() {
            assert_eq!(look(&picture), None, "{what}");
            assert_eq!(look(&sent(&picture, 60)), None, "{what}, compressed");
        }
        for seed in 1..20 {
            let dim = sent(&street(seed).adjust_contrast(-50.0).brighten(-60), 70);
            assert!(of(&dim).is_same(of(&sent(&dim, 40))), "{seed}");
        }
    }

    #[test]
    fn every_look_has_as_many_ones_as_zeros() {
        assert!((1..9).all(|seed| of(&street(seed)).0.count_ones() == 32));
    }
}
