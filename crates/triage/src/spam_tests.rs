use model::Guard;
use proptest::prelude::*;

use super::*;

fn score(words: &str) -> u16 {
    model::guard::points(&signs(words, &Triaged::default(), &Around::default()))
}

fn limit() -> u16 {
    Guard::default().points
}

#[test]
fn advertisements_and_heaps_of_letters_are_held() {
    for words in [
        "SLOT GACOR hari ini!!! maxwin x500, bonus new member 100%, daftar sekarang di https://contoh-gacor.xyz/ref",
        "Butuh dana cepat? Pinjaman tanpa jaminan, cair hari ini. Minat hubungi WA 0812-0000-0001",
        "jual followers instagram murah, promo terbatas, klik link bit.ly/contoh",
        "Bandar togel terpercaya, prediksi togel jitu, link alternatif: situs-contoh.vip/masuk",
        "asdfghjkl qwertyuiop zxcvbnm",
        "kjhsdfkjhsdf",
    ] {
        assert!(score(words) >= limit(), "{words}: {:?}", signs(words, &Triaged::default(), &Around::default()));
    }
}

#[test]
fn who_complains_of_such_things_is_not() {
    for words in [
        "Ada judi slot di warung depan pasar, sangat meresahkan warga",
        "Situs kelurahan kami dibajak, isinya iklan slot gacor. Mohon diperbaiki: https://kelurahan-contoh.example/berita",
        "Saya korban pinjol, diteror lewat WA 081200000001 padahal tidak pernah pinjam",
        "Tolong tertibkan bandar togel di gang sebelah, sudah lama",
        "Banyak spanduk pinjaman dana tanpa jaminan ditempel di tiang listrik, mohon ditertibkan",
        "Banner promo toko menutup trotoar",
        "P",
        "tes",
        "Assalamualaikum min",
        "jln rsk prh bgt",
        "B 1234 XYZ parkir sembarangan",
        "lampu mati https://maps.app.goo.gl/contoh",
        "",
    ] {
        assert!(score(words) < limit(), "{words}: {:?}", signs(words, &Triaged::default(), &Around::default()));
    }
}

#[test]
fn the_same_words_from_everybody_and_a_full_channel_hold_nothing_by_themselves() {
    let around = Around { same_words: 5_000, rush: true, ..Around::default() };
    let found = signs("selamatkan lapangan kami dari penggusuran", &Triaged::default(), &around);
    assert!(model::guard::points(&found) < limit(), "{found:?}");
}

#[test]
fn a_photo_a_place_and_a_good_history_speak_for_a_message() {
    let words = "promo pinjaman dana, klik link https://contoh.example";
    let bare = signs(words, &Triaged::default(), &Around::default());
    for around in [
        Around { place: true, ..Around::default() },
        Around { file: true, ..Around::default() },
        Around { settled_before: 1, ..Around::default() },
    ] {
        let with = signs(words, &Triaged::default(), &around);
        assert!(model::guard::points(&with) < model::guard::points(&bare), "{with:?}");
    }
}

#[test]
fn spam_before_counts_up_to_a_most() {
    let of = |spam_before| signs("halo", &Triaged::default(), &Around { spam_before, ..Around::default() });
    let points = |signs: &[Sign]| signs.iter().find(|sign| sign.signal == Signal::SpamBefore).map(|sign| sign.points);
    assert_eq!((points(&of(0)), points(&of(1)), points(&of(2)), points(&of(9))), (None, Some(20), Some(40), Some(50)));
}

#[test]
fn the_same_words_are_known_in_other_capitals_and_signs_and_other_words_are_not() {
    let one = same_words("Selamatkan lapangan kami dari penggusuran!!!");
    assert_eq!(one, same_words("SELAMATKAN lapangan kami, dari penggusuran"));
    assert!(one.is_some() && one != same_words("Selamatkan taman kami dari penggusuran"));
    assert_eq!(same_words("halo min"), None, "too short to be anybody's own");
}

#[test]
fn a_reason_leads_nowhere() {
    let found = signs("lihat https://contoh-gacor.xyz/ref?u=1", &Triaged::default(), &Around::default());
    assert_eq!(found[0].found, ["contoh-gacor[.]xyz"]);
}

proptest! {
    #[test]
    fn any_words_are_read_to_the_end_and_twice_alike(words in "\\PC{0,400}") {
        let once = signs(&words, &Triaged::default(), &Around::default());
        prop_assert_eq!(&once, &signs(&words, &Triaged::default(), &Around::default()));
        prop_assert!(once.iter().all(|sign| sign.points != 0));
    }
}
