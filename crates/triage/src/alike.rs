//! How much two texts are about the same, by the words that both have. A hint for a person who looks, never a decision.

use std::collections::BTreeSet;

use crate::text;

/// Words that every complaint has.
const EVERYWHERE: [&str; 34] = [
    "ada", "agar", "atau", "bagi", "bapak", "belum", "dan", "dari", "dengan", "di", "dua", "hari", "ibu", "ini", "itu", "juga", "kami",
    "karena", "ke", "mohon", "oleh", "pada", "saya", "sangat", "sekali", "selalu", "sudah", "tidak", "tolong", "untuk", "warga", "yang",
    "telah", "bisa",
];

/// Fewer words say too little to be all of a matter.
const FEW: usize = 3;

/// From 0 (nothing in common) to 1 (all words of the shorter one): the share of the shorter text's telling words that the other has too. The
/// shorter one, because a clerk's notes make one of two texts long.
pub fn alike(one: &str, other: &str) -> f64 {
    let (one, other) = (telling(one), telling(other));
    let shorter = one.len().min(other.len()).max(FEW);
    #[expect(clippy::cast_precision_loss, reason = "texts have fewer words than a double has integers")]
    let share = one.intersection(&other).count() as f64 / shorter as f64;
    share
}

fn telling(text: &str) -> BTreeSet<String> {
    let words = text::words(text).into_iter().map(|word| word.form);
    words.filter(|word| word.chars().count() > 1 && !EVERYWHERE.contains(&word.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_hole_in_other_words_is_more_alike_than_another_matter() {
        let hole = "Jl. Melati berlubang besar di depan pasar, motor sering jatuh";
        let same = alike(hole, "jalan melati dpn pasar ada lubang, jalan berlubang besar sekali");
        let other = alike(hole, "Lampu jalan mati tiga malam di RW 06");
        assert!(same > 0.4 && other < 0.25, "{same} {other}");
        assert!((alike(hole, hole) - 1.0).abs() < 1e-9);
        assert!(alike("", "").abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn it_is_a_share_and_the_same_both_ways(one in ".{0,80}", other in ".{0,80}") {
            let share = alike(&one, &other);
            prop_assert!((0.0..=1.0).contains(&share));
            prop_assert!((share - alike(&other, &one)).abs() < 1e-12);
        }
    }
}
