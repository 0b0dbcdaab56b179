//! Which earlier complaints a new one belongs to: ranking, and from where on that is said or acted upon. What `muara eval dedupe` measures
//! and what intake does go through here.

use std::collections::BTreeMap;

use model::incident::Reason;
use serde::{Deserialize, Serialize};

use crate::{
    Sorter,
    same::{Asked, FIGURES, Figures, Seen, Shared, Side, Twins},
};

/// How many candidates are looked at closely.
pub const CANDIDATES: usize = 50;
/// How far back a complaint may be about the same thing: sixty days, in seconds.
pub const WINDOW: i64 = 60 * 86_400;
/// How much being alike counts beside the probability: it parts candidates that are all sure.
const ALIKE: f32 = 0.1;

/// A candidate that was looked at closely.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// Its place in what was given.
    pub at: usize,
    /// How likely they are about one thing.
    pub probability: f32,
    /// What they have in common.
    pub figures: Figures,
    score: f32,
}

/// Where scores become decisions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Floors {
    /// From here on it is the same.
    pub same: f32,
    /// From here on it is joined without asking; above 1: never.
    pub join: f32,
}

/// A pair whose truth is known, with what was said of it by somebody who did not know.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    /// How likely it was thought to be the same.
    pub probability: f32,
    /// It is.
    pub same: bool,
    /// It counts for the floor of saying so.
    pub counts: bool,
    /// Nothing about place and time speaks against joining.
    pub may_join: bool,
}

/// Joining without asking must be right so often among the pairs it is learned from, and has to be seen so often first: above what is asked of it
/// (0.95), because new pairs are never as easy.
const JOINED_RIGHT: f64 = 0.98;
const LEAST_JOINED: usize = 15;

/// Finds both floors from pairs that were judged by who had not learned from them.
pub fn floors(mut scored: Vec<Scored>) -> Floors {
    scored.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let all = scored.iter().filter(|pair| pair.same && pair.counts).count();
    let mut best = (0.0, 0.5);
    let mut join = 1.1;
    let (mut right, mut said, mut joined, mut joined_right) = (0, 0, 0, 0);
    for (at, pair) in scored.iter().enumerate() {
        let next = scored.get(at + 1).map_or(0.0, |next| next.probability);
        if pair.counts {
            said += 1;
            right += usize::from(pair.same);
            let f1 = 2.0 * share(right, all + said);
            if f1 > best.0 {
                best = (f1, f32::midpoint(pair.probability, next));
            }
        }
        if pair.may_join {
            joined += 1;
            joined_right += usize::from(pair.same);
            if joined >= LEAST_JOINED && share(joined_right, joined) >= JOINED_RIGHT {
                join = f32::midpoint(pair.probability, next);
            }
        }
    }
    Floors { same: best.1, join }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Twins {
    /// The likeliest of the candidates, the best first: all are compared cheaply, [`CANDIDATES`] closely.
    pub fn rank(&self, asked: &Seen, others: &[&Seen]) -> Vec<Ranked> {
        if others.is_empty() {
            return Vec::new();
        }
        let asked = Asked::of(asked);
        let mut near: Vec<(Shared, usize)> = others.iter().enumerate().map(|(at, other)| (Shared::of(&asked, other), at)).collect();
        near.sort_by(|a, b| b.0.alike().total_cmp(&a.0.alike()));
        near.truncate(CANDIDATES);
        let judged = near.into_iter().map(|(shared, at)| {
            let figures = Self::figures_with(&asked, others[at], shared);
            let probability = self.same(&figures);
            Ranked { at, probability, figures, score: probability + ALIKE * shared.alike() }
        });
        let mut ranked: Vec<Ranked> = judged.collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        ranked
    }
}

/// What the pictures of two complaints have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Picture {
    /// Nothing, as far as is known.
    #[default]
    Other,
    /// One looks the same: the same photo, not the same bytes.
    Look,
    /// One is the same, byte for byte.
    Bytes,
}

/// What is known of two complaints besides words, place and time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Beside {
    /// How far their points on the map are apart.
    pub metres: Option<f64>,
    /// What their pictures have in common.
    pub picture: Picture,
    /// The same citizen sent both.
    pub citizen: bool,
    /// Both have the same category.
    pub category: bool,
    /// Their areas are not the same, and touch.
    pub neighbours: bool,
}

/// What is to be done with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are one: nobody need be asked.
    Join,
    /// A person should look.
    Ask,
    /// Nothing.
    Apart,
}

/// Judges pairs of complaints as intake does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judge {
    twins: Twins,
    /// Learned from decided pairs; else a rule of thumb decides whether a person is asked, and nothing is joined by itself.
    learned: bool,
    floors: Floors,
}

/// A decided pair: places of two complaints in a list, and whether they are about one thing.
pub type Decision = (usize, usize, bool);

/// Fewer decided pairs of either kind teach nothing.
const LEAST: usize = 20;
const FOLDS: usize = 5;
/// From here on the rule of thumb has a person asked.
const THUMB: f32 = 0.5;
/// A pair is worth a look a little below what is said to be the same.
const ASK_BELOW: f32 = 0.8;
/// Points so far apart are two things, whatever the words.
const FAR: f64 = 1000.0;
/// Points so near are probably one.
const NEAR: f64 = 75.0;
/// By so much the odds of two complaints from areas that touch are better than from areas that do not, for the rule of thumb: half of what
/// the same area says.
const BESIDE: f32 = 1.5;

impl Judge {
    /// Before anything is learned.
    pub fn plain() -> Self {
        Self { twins: Twins::read(&[]), learned: false, floors: Floors { same: THUMB, join: 1.1 } }
    }

    /// Learns how rare words are from texts with the field for the place, and to judge from decided pairs of `sides`, if there are enough.
    /// Both floors are found by folds; what hangs together stays in one fold.
    pub fn learn(texts: &[(&str, &str)], subjects: Option<Sorter>, sides: &[Side<'_>], pairs: &[Decision]) -> Self {
        let twins = Twins::read(texts).knowing(subjects);
        let seen: Vec<Seen> = sides.iter().map(|side| twins.see(side)).collect();
        let figures: Vec<(Figures, bool)> = pairs.iter().map(|&(a, b, same)| (twins.figures(&seen[a], &seen[b]), same)).collect();
        let of = |wanted: bool| figures.iter().filter(|(_, same)| *same == wanted).count();
        if of(true) < LEAST || of(false) < LEAST {
            return Self { twins, learned: false, floors: Floors { same: THUMB, join: 1.1 } };
        }
        let groups = chains(sides.len(), pairs);
        let fold = |at: usize| groups[pairs[at].0] % FOLDS;
        let mut scored = Vec::with_capacity(figures.len());
        for held_back in 0..FOLDS {
            let learn: Vec<(Figures, bool)> =
                figures.iter().enumerate().filter(|(at, _)| fold(*at) != held_back).map(|(_, row)| *row).collect();
            let trial = twins.clone().judging(&learn);
            let asked = figures.iter().enumerate().filter(|(at, _)| fold(*at) == held_back);
            scored.extend(asked.map(|(_, (figures, same))| Scored {
                probability: trial.same(figures),
                same: *same,
                counts: true,
                may_join: trial.may_join(figures),
            }));
        }
        Self { twins: twins.judging(&figures), learned: true, floors: floors(scored) }
    }

    /// Whether anything may be joined without asking.
    pub fn joins(&self) -> bool {
        self.learned && self.floors.join <= 1.0
    }

    /// Where its scores become decisions.
    pub fn floors(&self) -> Floors {
        self.floors
    }

    /// Makes a complaint ready.
    pub fn see(&self, side: &Side<'_>) -> Seen {
        self.twins.see(side)
    }

    /// The likeliest of the candidates, the best first.
    pub fn rank(&self, asked: &Seen, others: &[&Seen]) -> Vec<Ranked> {
        let mut ranked = self.twins.rank(asked, others);
        if !self.learned {
            for one in &mut ranked {
                one.probability = thumb(&one.figures);
            }
            ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        }
        ranked
    }

    /// What is to be done, how likely they are one in percent, and why.
    pub fn verdict(&self, ranked: &Ranked, beside: Beside) -> (Verdict, u8, Vec<Reason>) {
        let mut probability = ranked.probability;
        if beside.picture != Picture::Other {
            probability = 1.0 - 0.3 * (1.0 - probability);
        }
        if beside.neighbours && !self.learned {
            probability = likelier(probability, BESIDE);
        }
        let far = beside.metres.is_some_and(|metres| metres > FAR);
        if far {
            probability *= 0.3;
        } else if beside.metres.is_some_and(|metres| metres < NEAR) {
            probability = 1.0 - 0.6 * (1.0 - probability);
        }
        let proven = self.joins() && ranked.probability >= self.floors.join && self.twins.may_join(&ranked.figures) && !far;
        let verdict = if proven {
            Verdict::Join
        } else if probability >= self.floors.same * ASK_BELOW {
            Verdict::Ask
        } else {
            Verdict::Apart
        };
        (verdict, percent(probability), reasons(&ranked.figures, beside))
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.twins.bytes()
    }

    /// Nothing in it points outside of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.twins.is_whole() && [self.floors.same, self.floors.join].iter().all(|floor| floor.is_finite())
    }
}

/// Complaints about one thing, also over several steps, have the same number: who has learned one of them knows the others.
fn chains(count: usize, pairs: &[Decision]) -> Vec<usize> {
    let mut group: Vec<usize> = (0..count).collect();
    for &(a, b, _) in pairs.iter().filter(|(.., same)| *same) {
        let (a, b) = (root(&mut group, a), root(&mut group, b));
        group[a.max(b)] = a.min(b);
    }
    let roots: Vec<usize> = (0..count).map(|at| root(&mut group, at)).collect();
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    roots
        .into_iter()
        .map(|root| {
            let next = numbers.len();
            *numbers.entry(root).or_insert(next)
        })
        .collect()
}

/// Where a chain ends; shortens the way there.
fn root(group: &mut [usize], mut at: usize) -> usize {
    while group[at] != at {
        group[at] = group[group[at]];
        at = group[at];
    }
    at
}

/// The rule of thumb of a city that has decided nothing yet: the same words about the same place within days. Chosen by hand, not measured;
/// people are asked, nothing is joined.
fn thumb(figures: &Figures) -> f32 {
    let [words, letters, _, joint, matter, _, street, gang, house, rt_rw, landmark, area, ..] = *figures;
    let [identical, placed, number] = [figures[18], figures[21], figures[14]];
    let days = (figures[13].exp() - 1.0) / 24.0;
    let score = -4.6
        + 2.6 * words.max(matter)
        + 1.4 * letters
        + 2.4 * placed.max(landmark)
        + 1.2 * joint
        + 1.2 * street
        + 0.8 * gang
        + 0.8 * house
        + 0.8 * rt_rw
        + 0.8 * area
        + 2.0 * identical
        + 2.0 * number
        - 0.06 * days.min(60.0);
    1.0 / (1.0 + (-score).exp())
}

/// The same with the odds so many times as good.
fn likelier(probability: f32, times: f32) -> f32 {
    probability * times / (1.0 - probability + probability * times)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
fn percent(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to what fits")]
fn reasons(figures: &Figures, beside: Beside) -> Vec<Reason> {
    let [words, _, _, _, _, _, street, gang, house, rt_rw, landmark, area, area_unknown, hours, number, ..] = *figures;
    let placed = figures[21].max(street).max(landmark);
    let mut said = Vec::new();
    match beside.picture {
        Picture::Other => (),
        Picture::Look => said.push(Reason::Look),
        Picture::Bytes => said.push(Reason::Picture),
    }
    if figures[18] > 0.0 {
        said.push(Reason::Identical);
    } else {
        said.push(Reason::Words { percent: percent(words) });
    }
    if placed > 0.3 {
        said.push(Reason::Place { percent: percent(placed) });
    }
    if gang.min(house).min(rt_rw) < 0.0 {
        said.push(Reason::OtherNumber);
    }
    if area > 0.0 {
        said.push(Reason::Area);
    } else if area_unknown == 0.0 {
        said.push(if beside.neighbours { Reason::NeighbourArea } else { Reason::OtherArea });
    }
    if let Some(metres) = beside.metres {
        said.push(Reason::Metres { metres: metres.clamp(0.0, 65_535.0).round() as u16 });
    }
    said.push(Reason::Hours { hours: (hours.exp() - 1.0).clamp(0.0, 65_535.0).round() as u16 });
    if beside.category {
        said.push(Reason::Category);
    }
    if number > 0.0 {
        said.push(Reason::Number);
    }
    if beside.citizen {
        said.push(Reason::Citizen);
    }
    said
}

const _: () = assert!(FIGURES == 29, "the rule of thumb and the reasons name figures by their place");

#[cfg(test)]
mod tests {
    use super::*;

    fn side<'a>(text: &'a str, place: &'a str, hours: i64) -> Side<'a> {
        Side { text, place, area: "3171090001", at: hours * 3600 }
    }

    fn verdict(judge: &Judge, a: &Side<'_>, b: &Side<'_>, beside: Beside) -> (Verdict, u8, Vec<Reason>) {
        let (a, b) = (judge.see(a), judge.see(b));
        judge.verdict(&judge.rank(&a, &[&b])[0], beside)
    }

    #[test]
    fn before_anything_is_learned_people_are_asked_and_nothing_is_joined() {
        let judge = Judge::plain();
        let flood = side("Banjir setinggi lutut di Jl. Melati Indah, air masuk rumah warga", "", 5);
        let same = side("banjir di jln melati indah, air masuk ke rumah", "", 1);
        assert_eq!(verdict(&judge, &flood, &same, Beside::default()).0, Verdict::Ask);
        assert_eq!(verdict(&judge, &flood, &flood, Beside::default()).0, Verdict::Ask, "even word for word");
        let other = side("lampu jalan padam sudah seminggu di jalan kenanga wetan", "", 3);
        assert_eq!(verdict(&judge, &flood, &other, Beside::default()).0, Verdict::Apart);
        assert!(!judge.joins());
    }

    #[test]
    fn points_far_apart_speak_against_it_and_the_same_picture_for_it() {
        let judge = Judge::plain();
        let (one, other) = (side("banjir depan sekolah", "", 0), side("banjir di depan sekolah", "", 2));
        let likely = |beside| verdict(&judge, &one, &other, beside).1;
        let plain = likely(Beside::default());
        assert!(likely(Beside { metres: Some(3000.0), ..Beside::default() }) < plain);
        assert!(likely(Beside { metres: Some(10.0), ..Beside::default() }) > plain);
        let (_, percent, reasons) = verdict(&judge, &one, &other, Beside { picture: Picture::Bytes, ..Beside::default() });
        assert!(percent > plain && reasons.contains(&Reason::Picture), "{reasons:?}");
        let (_, compressed, reasons) = verdict(&judge, &one, &other, Beside { picture: Picture::Look, ..Beside::default() });
        assert!(compressed == percent && reasons.contains(&Reason::Look) && !reasons.contains(&Reason::Picture), "{reasons:?}");
        assert!(reasons.contains(&Reason::Hours { hours: 2 }) && reasons.contains(&Reason::Area), "{reasons:?}");
    }

    #[test]
    fn an_area_that_touches_says_a_little_and_is_named() {
        let judge = Judge::plain();
        let one = side("banjir depan sekolah", "", 0);
        let there = Side { area: "3171080005", ..side("genangan tinggi, anak sekolah pulang", "", 2) };
        let (_, plain, apart) = verdict(&judge, &one, &there, Beside::default());
        let (_, percent, beside) = verdict(&judge, &one, &there, Beside { neighbours: true, ..Beside::default() });
        let here = verdict(&judge, &one, &Side { area: one.area, ..there }, Beside::default()).1;
        assert!(plain < percent && percent < here, "{plain} {percent} {here}");
        assert!(apart.contains(&Reason::OtherArea) && beside.contains(&Reason::NeighbourArea) && !beside.contains(&Reason::OtherArea));
    }

    #[test]
    fn who_joins_by_itself_has_been_right_often_enough_on_pairs_it_did_not_know() {
        let scored = |probability: f32, same| Scored { probability, same, counts: true, may_join: true };
        let sure: Vec<Scored> = (0..14).map(|_| scored(0.9, true)).collect();
        assert!(floors(sure.clone()).join > 1.0, "fourteen are too few");
        let mut enough = sure;
        enough.extend([scored(0.9, true), scored(0.4, false), scored(0.3, true)]);
        let found = floors(enough.clone());
        assert!(found.join > 0.4 && found.join <= 0.9 && found.same <= 0.9, "{found:?}");
        enough.push(scored(0.95, false));
        assert!(floors(enough).join > 1.0, "one of sixteen was wrong");
    }

    #[test]
    fn pairs_that_hang_together_stay_in_one_fold() {
        let groups = chains(6, &[(0, 1, true), (3, 4, false), (1, 2, true)]);
        assert_eq!(groups[0], groups[2]);
        assert!(groups[3] != groups[4] && groups[0] != groups[3] && groups[5] != groups[0]);
    }
}
