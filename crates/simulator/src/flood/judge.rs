//! Whether everything that was told yes is there, once, and everybody was answered, once. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Arrived, Heard, Ledger, Plan, Way};

/// Replies that say: we have it, and this is its number.
const ACKNOWLEDGEMENTS: [&str; 2] = ["received", "forwarded"];
/// How much of what is wrong is named.
const NAMED: usize = 20;

/// What became of one way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Things that people said.
    pub items: u64,
    /// Answers of yes: redeliveries count.
    pub yes: u64,
    /// Other answers, or none: each was followed by another try.
    pub no: u64,
    /// Things that were told yes at least once.
    pub taken: u64,
    /// Of these, recorded.
    pub recorded: u64,
    /// Of these, nowhere.
    pub missing: u64,
    /// Recorded more than once.
    pub doubled: u64,
    /// Complaints that came of it.
    pub complaints: u64,
    /// Citizens whose one matter became more than one complaint.
    pub split: u64,
    /// Complaints whose citizen got the number.
    pub answered: u64,
    /// Complaints whose citizen did not.
    pub unanswered: u64,
    /// Citizens who got the same answer more than once.
    pub answered_twice: u64,
}

impl Line {
    fn add(&mut self, other: &Self) {
        let pairs: [(&mut u64, u64); 12] = [
            (&mut self.items, other.items),
            (&mut self.yes, other.yes),
            (&mut self.no, other.no),
            (&mut self.taken, other.taken),
            (&mut self.recorded, other.recorded),
            (&mut self.missing, other.missing),
            (&mut self.doubled, other.doubled),
            (&mut self.complaints, other.complaints),
            (&mut self.split, other.split),
            (&mut self.answered, other.answered),
            (&mut self.unanswered, other.unanswered),
            (&mut self.answered_twice, other.answered_twice),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
    }

    fn cells(&self) -> [u64; 12] {
        let Self { items, yes, no, taken, recorded, missing, doubled, complaints, split, answered, unanswered, answered_twice } = *self;
        [items, yes, no, taken, recorded, missing, doubled, complaints, split, answered, unanswered, answered_twice]
    }
}

/// What became of a flood. Its `Display` is the table.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Each way by itself.
    pub lines: BTreeMap<Way, Line>,
    /// What is missing or doubled, by its name; the first of them.
    pub wrong: Vec<String>,
    /// Planted incidents, citizens who told of one, how many of these share an incident with another, how many pairs wait for a person.
    pub incidents: [u64; 4],
}

impl Report {
    /// All ways together.
    pub fn total(&self) -> Line {
        let mut total = Line::default();
        self.lines.values().for_each(|line| total.add(line));
        total
    }

    /// Nothing is missing, nothing is recorded twice, nobody's matter was torn.
    pub fn everything_is_there_once(&self) -> bool {
        let total = self.total();
        total.missing + total.doubled + total.split == 0
    }

    /// Everybody was answered.
    pub fn everybody_was_answered(&self) -> bool {
        self.total().unanswered == 0
    }

    /// Nobody got the same answer twice.
    pub fn nobody_was_answered_twice(&self) -> bool {
        self.total().answered_twice == 0
    }

    fn name(&mut self, what: String) {
        if self.wrong.len() < NAMED {
            self.wrong.push(what);
        }
    }
}

const HEAD: [&str; 12] =
    ["said", "yes", "no", "taken", "recorded", "MISSING", "DOUBLED", "complaints", "TORN", "answered", "UNANSWERED", "TWICE"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10}", "")?;
        HEAD.iter().try_for_each(|head| write!(f, " {head:>10}"))?;
        let line = |f: &mut fmt::Formatter<'_>, name: &str, line: &Line| {
            write!(f, "\n{name:<10}")?;
            line.cells().iter().try_for_each(|cell| write!(f, " {cell:>10}"))
        };
        for (way, each) in &self.lines {
            line(f, way.adapter(), each)?;
        }
        line(f, "all", &self.total())?;
        let [planted, told, joined, suggested] = self.incidents;
        write!(
            f,
            "\n{planted} incidents were planted; of {told} citizens who told of one {joined} share an incident; {suggested} pairs of them wait for a person"
        )?;
        self.wrong.iter().try_for_each(|wrong| write!(f, "\nWRONG  {wrong}"))
    }
}

/// Compares what was told yes with what arrived, and with what citizens got.
pub fn judge(plan: &Plan, ledger: &Ledger, arrived: &Arrived, heard: &[Heard]) -> Report {
    let mut report = Report::default();
    let mut complaints: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for ((number, item), told) in plan.items.iter().enumerate().zip(ledger) {
        let mut line =
            Line { items: 1, yes: told.yes.into(), no: told.no.values().map(|times| u64::from(*times)).sum(), ..Line::default() };
        let key = told.id.clone().unwrap_or_else(|| plan.key(item));
        let found = arrived.messages.get(&(item.way.adapter().to_owned(), key.clone()));
        if told.yes > 0 {
            line.taken = 1;
            (line.recorded, line.missing) = if found.is_some() { (1, 0) } else { (0, 1) };
        }
        if line.missing > 0 {
            report.name(format!("{} {key}: told yes {} times, and nowhere (item {number})", item.way.adapter(), told.yes));
        }
        if found.is_some_and(|found| found.rows > 1) {
            line.doubled = 1;
            report.name(format!("{} {key}: recorded more than once", item.way.adapter()));
        }
        let yes = found.filter(|_| told.yes > 0);
        if let Some(complaint) = yes.and_then(|found| found.complaint.as_deref()) {
            complaints.entry(item.citizen).or_default().insert(complaint);
        }
        report.lines.entry(item.way).or_default().add(&line);
    }
    let heard = by_citizen(heard);
    for (citizen, opened) in &complaints {
        let way = plan.citizens[*citizen].way;
        let mut line = Line { complaints: opened.len() as u64, ..Line::default() };
        if opened.len() > 1 {
            line.split = 1;
            report.name(format!("{} citizen {citizen}: one matter, {} complaints", way.adapter(), opened.len()));
        }
        let to = heard_as(plan, *citizen);
        let got = heard.get(&(way, to)).map(Vec::as_slice).unwrap_or_default();
        for complaint in opened {
            match copies(arrived, complaint, got) {
                0 => {
                    line.unanswered += 1;
                    report.name(format!("{} complaint {complaint}: its citizen never got the number", way.adapter()));
                }
                1 => line.answered += 1,
                times => {
                    (line.answered, line.answered_twice) = (line.answered + 1, line.answered_twice + 1);
                    report.name(format!("{} complaint {complaint}: its citizen got the same answer {times} times", way.adapter()));
                }
            }
        }
        report.lines.entry(way).or_default().add(&line);
    }
    report.incidents = incidents(plan, &complaints, arrived);
    report
}

fn by_citizen(heard: &[Heard]) -> BTreeMap<(Way, String), Vec<&Heard>> {
    let mut all: BTreeMap<(Way, String), Vec<&Heard>> = BTreeMap::new();
    for one in heard {
        all.entry((one.way, one.to.clone())).or_default().push(one);
    }
    all
}

/// As whom the platform knows this citizen.
fn heard_as(plan: &Plan, citizen: usize) -> String {
    let who = &plan.citizens[citizen];
    match who.way {
        Way::Whatsapp | Way::Sms => who.person.phone.clone(),
        Way::X => who.username(),
        Way::Mail => who.address(),
        Way::Form => {
            let own = plan.items.iter().position(|item| item.citizen == citizen);
            own.map(|number| number.to_string()).unwrap_or_default()
        }
    }
}

/// How often the citizen got this complaint's number: 0, 1, or, if the same answer came several times, so often.
fn copies(arrived: &Arrived, complaint: &str, got: &[&Heard]) -> usize {
    let replies = arrived.replies.get(complaint).map(Vec::as_slice).unwrap_or_default();
    let ours = replies.iter().filter(|reply| ACKNOWLEDGEMENTS.contains(&reply.kind.as_str()));
    let by_name = ours.map(|reply| got.iter().filter(|heard| heard.reply.as_ref() == Some(&reply.id)).count()).max().unwrap_or(0);
    // Where the platform is not told which reply it is, its words hold the number; later replies hold it too.
    let reference = arrived.references.get(complaint).map(String::as_str).filter(|reference| !reference.is_empty());
    let unnamed =
        reference.map_or(0, |reference| got.iter().filter(|heard| heard.reply.is_none() && heard.text.contains(reference)).count());
    let others = replies.iter().filter(|reply| !ACKNOWLEDGEMENTS.contains(&reply.kind.as_str())).count();
    by_name.max(if unnamed > 0 { unnamed.saturating_sub(others).max(1) } else { 0 })
}

fn incidents(plan: &Plan, complaints: &BTreeMap<usize, BTreeSet<&str>>, arrived: &Arrived) -> [u64; 4] {
    let mut told: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (number, citizen) in plan.citizens.iter().enumerate() {
        if let (Some(planted), Some(opened)) = (citizen.planted, complaints.get(&number)) {
            told.entry(planted).or_default().extend(opened);
        }
    }
    let (mut of, mut joined, mut suggested) = (0, 0, 0);
    for complaints in told.values() {
        of += complaints.len() as u64;
        let mut shared: BTreeMap<&str, u64> = BTreeMap::new();
        for incident in complaints.iter().filter_map(|complaint| arrived.incidents.get(*complaint)) {
            *shared.entry(incident).or_default() += 1;
        }
        joined += shared.values().filter(|members| **members > 1).sum::<u64>();
        let ours: BTreeSet<&str> = complaints.iter().copied().collect();
        suggested +=
            arrived.suggested.iter().filter(|(one, other)| ours.contains(one.as_str()) && ours.contains(other.as_str())).count() as u64;
    }
    [plan.planted as u64, of, joined, suggested]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::flood::{ArrivedMessage, ArrivedReply, Shape, Told};

    fn plan() -> Plan {
        let ways = vec![Way::Whatsapp, Way::Sms, Way::X];
        Plan::new(Shape {
            seed: 4,
            began: Timestamp::UNIX_EPOCH,
            citizens: 60,
            time: Duration::from_secs(10),
            ways,
            again: 30,
            in_bursts: 40,
        })
    }

    /// As it should be.
    fn fine(plan: &Plan) -> (Ledger, Arrived, Vec<Heard>) {
        let (mut ledger, mut arrived, mut heard) = (Ledger::new(), Arrived::default(), Vec::new());
        for (number, item) in plan.items.iter().enumerate() {
            let id = (item.way == Way::X).then(|| format!("post{number}"));
            let key = id.clone().unwrap_or_else(|| plan.key(item));
            ledger.push(Told { yes: 1, id, ..Told::default() });
            let complaint = format!("c{}", item.citizen);
            arrived.messages.insert((item.way.adapter().to_owned(), key), ArrivedMessage { complaint: Some(complaint.clone()), rows: 1 });
            if item.is_photo {
                continue;
            }
            arrived.references.insert(complaint.clone(), format!("N-{}-", item.citizen));
            let reply = ArrivedReply { id: format!("r{}", item.citizen), kind: "forwarded".into(), receipt: "sent".into() };
            arrived.replies.insert(complaint, vec![reply]);
            let reply = (item.way != Way::X).then(|| format!("r{}", item.citizen));
            let to = heard_as(plan, item.citizen);
            heard.push(Heard { way: item.way, to, reply, text: format!("Nomor: N-{}-", item.citizen) });
        }
        (ledger, arrived, heard)
    }

    #[test]
    fn what_is_there_once_and_answered_once_is_in_order() {
        let plan = plan();
        let (ledger, arrived, heard) = fine(&plan);
        let report = judge(&plan, &ledger, &arrived, &heard);
        assert!(report.everything_is_there_once() && report.everybody_was_answered() && report.nobody_was_answered_twice(), "{report}");
        let total = report.total();
        assert_eq!((total.items, total.recorded), (plan.items.len() as u64, plan.items.len() as u64));
        assert_eq!((total.complaints, total.answered), (60, 60));
    }

    #[test]
    fn what_was_told_yes_and_is_nowhere_is_named_and_what_was_refused_is_not() {
        let plan = plan();
        let (mut ledger, mut arrived, heard) = fine(&plan);
        let name = |number: usize, ledger: &Ledger| ledger[number].id.clone().unwrap_or_else(|| plan.key(&plan.items[number]));
        for number in [0, 1] {
            let gone = (plan.items[number].way.adapter().to_owned(), name(number, &ledger));
            assert!(arrived.messages.remove(&gone).is_some());
        }
        ledger[1].yes = 0;
        let report = judge(&plan, &ledger, &arrived, &heard);
        assert_eq!(report.total().missing, 1, "{report}");
        assert!(!report.everything_is_there_once() && report.wrong[0].contains(&name(0, &ledger)), "{report}");
    }

    #[test]
    fn a_torn_matter_a_doubled_answer_and_a_missing_one_are_each_counted() {
        let plan = plan();
        let (ledger, mut arrived, mut heard) = fine(&plan);
        let photo = plan.items.iter().find(|item| item.is_photo).expect("a photo");
        let key = ("whatsapp".to_owned(), photo.id.clone());
        arrived.messages.insert(key, ArrivedMessage { complaint: Some("torn".into()), rows: 2 });
        let twice = heard.iter().position(|one| one.way == Way::X).expect("a post was answered");
        heard.push(heard[twice].clone());
        let silent = heard.iter().position(|one| one.way == Way::Sms).expect("an SMS was answered");
        heard.remove(silent);
        let report = judge(&plan, &ledger, &arrived, &heard);
        let total = report.total();
        // The torn half was answered by nobody either.
        assert_eq!((total.doubled, total.split, total.answered_twice, total.unanswered), (1, 1, 1, 2), "{report}");
    }
}
