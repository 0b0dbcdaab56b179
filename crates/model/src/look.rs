//! How a picture looks, in so few bits that millions can be compared.

/// Looks that differ in no more bits are the same photo: made smaller, brighter or compressed again on its way. Decision 28 has the
/// figures.
pub const SAME_LOOK: u32 = 7;

const PARTS: u32 = 4;
const PART_BITS: u32 = 16;

/// Sixty-four bits of a picture, each says whether one of its waves, from coarse to less coarse, is above the middle one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Look(pub u64);

impl Look {
    /// In how many bits they differ, 0 to 64.
    pub fn apart(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// Whether they are of one photo.
    pub fn is_same(self, other: Self) -> bool {
        self.apart(other) <= SAME_LOOK
    }

    /// Its four quarters, each with its place: what it is kept under. Never negative.
    pub fn parts(self) -> [i32; 4] {
        std::array::from_fn(|at| part(self.quarter(at), at))
    }

    /// Every part that a look which is the same must have one of: seven bits over four quarters leave one quarter with one bit at most.
    pub fn asked(self) -> Vec<i32> {
        let mut asked = Vec::with_capacity(68);
        for at in 0..PARTS as usize {
            let own = self.quarter(at);
            asked.push(part(own, at));
            asked.extend((0..PART_BITS).map(|bit| part(own ^ (1 << bit), at)));
        }
        asked
    }

    fn quarter(self, at: usize) -> u16 {
        let bytes = self.0.to_le_bytes();
        u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]])
    }
}

fn part(quarter: u16, at: usize) -> i32 {
    let place = i32::try_from(at).unwrap_or_default();
    (place << PART_BITS) | i32::from(quarter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quarters_of_different_places_are_never_the_same_part() {
        let parts = Look(0x0001_0001_0001_0001).parts();
        assert_eq!(parts, [1, 0x1_0001, 0x2_0001, 0x3_0001]);
        assert_eq!(Look(7).asked().len(), 68);
    }

    proptest! {
        #[test]
        fn who_looks_the_same_shares_a_part_that_is_asked_for(bits in any::<u64>(), flipped in proptest::collection::vec(0..64u32, 0..=7)) {
            let (one, other) = (Look(bits), Look(flipped.iter().fold(bits, |bits, bit| bits ^ (1 << bit))));
            prop_assert!(one.is_same(other) && other.is_same(one));
            let asked = one.asked();
            prop_assert!(other.parts().iter().any(|part| asked.contains(part)));
        }
    }
}
