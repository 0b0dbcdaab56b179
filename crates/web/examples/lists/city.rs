//! A made-up city whose words, streets and areas are as unevenly spread as a real one's.

use jiff::{SignedDuration, Timestamp};
use model::{AgencyId, ComplaintId, MessageKey, Reference, StaffId};
use store::made::Made;
use triage::Dice;

use crate::NOW;

/// Seconds between two complaints: ten million are nine and a half years.
const GAP: i64 = 30;
pub(crate) const AGENCIES: usize = 30;
const OFFICERS: usize = 20;
pub(crate) const CATEGORIES: usize = 20;
const ACCOUNTS: usize = 14;

/// Streets and words of a made-up city.
pub(crate) struct City {
    pub(crate) streets: Vec<String>,
    pub(crate) fillers: Vec<String>,
    pub(crate) agencies: Vec<(AgencyId, Vec<StaffId>)>,
}

const MATTERS: [&str; 10] = [
    "banjir belum surut",
    "lampu jalan padam",
    "sampah menumpuk bau",
    "jalan berlubang",
    "pohon tumbang",
    "parkir liar macet",
    "air pdam mati",
    "saluran mampet",
    "pkl di trotoar",
    "kabel listrik putus",
];

impl City {
    pub(crate) fn new() -> Self {
        let mut dice = Dice::new(1);
        let streets = (0..8000).map(|_| format!("{} {}", word(&mut dice), word(&mut dice))).collect();
        let fillers = (0..4000).map(|_| word(&mut dice)).collect();
        let agencies = (0..AGENCIES).map(|_| (AgencyId::new(NOW), (0..OFFICERS).map(|_| StaffId::new(NOW)).collect())).collect();
        Self { streets, fillers, agencies }
    }

    /// The last of `all` now.
    pub(crate) fn row(&self, number: usize, all: usize, dice: &mut Dice) -> Made {
        let street = skewed(self.streets.len(), dice);
        let category = skewed(CATEGORIES, dice);
        // A category is one agency's, or of two.
        let agency = (category * 3 / 2 + dice.below(2)).min(AGENCIES - 1);
        let filler: Vec<&str> = (0..20).map(|_| self.fillers[skewed(self.fillers.len(), dice)].as_str()).collect();
        let area = street % 270;
        let ago = SignedDuration::from_secs(i64::try_from(all - number).unwrap_or(0) * GAP);
        let opened_at = NOW - ago;
        let is_open = number * 100 >= all * 97;
        let triage = is_open && number + all / 200 >= all && dice.below(3) == 0;
        let work = if is_open {
            ["open", "open", "in_progress", "in_progress", "awaiting_citizen"][dice.below(5)]
        } else {
            ["done", "handed_over"][usize::from(dice.below(12) == 0)]
        };
        let officers = &self.agencies[agency].1;
        let days = i64::try_from(5 + dice.below(60)).unwrap_or(5);
        let deadline = Timestamp::from_second((opened_at.as_second() / 86_400 + days) * 86_400 + 9 * 3600).unwrap_or(NOW);
        Made {
            id: ComplaintId::new(opened_at),
            reference: reference(number),
            text: format!("{} di jl {} {}", MATTERS[dice.below(MATTERS.len())], self.streets[street], filler.join(" ")),
            place: format!("Jl. {} no {}", self.streets[street], dice.below(90)),
            area: format!("3171{:03}{:03}", area / 10, area % 10),
            category: format!("c{category}"),
            account: skewed(ACCOUNTS, dice).to_string(),
            visibility: if dice.below(50) == 0 { "secret" } else { ["public", "public", "hidden"][dice.below(3)] },
            danger: dice.below(200) == 0,
            opened_at,
            deadline,
            agency: (!triage).then_some(self.agencies[agency].0),
            officer: (!triage && work != "open").then(|| officers[dice.below(officers.len())]),
            work,
            name: format!("Warga{} Contoh", dice.below(100_000)),
            contact: format!("tel:+6281200{:06}", dice.below(1_000_000)),
        }
    }
}

/// The small ones oftener.
fn skewed(many: usize, dice: &mut Dice) -> usize {
    dice.below(many) * dice.below(many) / many
}

/// As the door gives them.
fn reference(number: usize) -> String {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: number.to_string() };
    Reference::of(&key, 0).to_string()
}

fn word(dice: &mut Dice) -> String {
    const PARTS: [&str; 24] = [
        "ba", "ka", "ru", "sak", "jal", "an", "lam", "pu", "ti", "mur", "sa", "lu", "ran", "me", "nga", "di", "per", "bai", "ko", "ta",
        "ge", "nang", "wi", "yah",
    ];
    (0..2 + dice.below(3)).map(|_| PARTS[dice.below(PARTS.len())]).collect()
}
