//! What a run takes of the processors: the one figure that a busy machine does not make worse.

use std::{
    collections::{BTreeMap, HashMap},
    fs, process,
};

/// Ticks a second in `/proc/<pid>/stat`, on every Linux we run on (`man 5 proc`, `USER_HZ`).
const TICKS: f64 = 100.0;

/// Seconds of a processor, by program: of this process, of all that descend from it, and of those of them that have ended.
pub type Seconds = BTreeMap<String, f64>;

/// Until now.
pub fn seconds() -> Seconds {
    let all: HashMap<u32, Taken> = processes().filter_map(|pid| Some((pid, Taken::by(pid)?))).collect();
    let mut seconds = Seconds::new();
    for (pid, taken) in &all {
        if descends(*pid, &all) {
            *seconds.entry(taken.name.clone()).or_default() += taken.ticks / TICKS;
        }
    }
    seconds
}

/// Between two looks.
pub fn between(before: &Seconds, after: &Seconds) -> Seconds {
    after.iter().map(|(name, until)| (name.clone(), until - before.get(name).copied().unwrap_or_default())).collect()
}

struct Taken {
    name: String,
    parent: u32,
    /// With what its children took that have ended.
    ticks: f64,
}

impl Taken {
    fn by(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and may hold anything.
        let (name, rest) = (stat.split_once('(')?.1.rsplit_once(')')?.0, stat.rsplit_once(')')?.1);
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<f64>().unwrap_or_default()).sum();
        Some(Self { name: role(pid).unwrap_or_else(|| name.to_owned()), parent: fields.get(1)?.parse().ok()?, ticks })
    }
}

/// `muara intake` and its like are one program; what they do differs.
fn role(pid: u32) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next()?;
    let role = words.find(|word| word.chars().all(|c| c.is_ascii_lowercase()) && !word.is_empty())?;
    program.ends_with("/muara").then(|| format!("muara {role}"))
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn descends(pid: u32, all: &HashMap<u32, Taken>) -> bool {
    let mut at = pid;
    while at != process::id() {
        match all.get(&at) {
            Some(taken) if taken.parent != 0 && taken.parent != at => at = taken.parent,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_worked_is_counted_after_its_end() {
        let before = seconds();
        let shell = process::Command::new("sh").args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]).status();
        assert!(shell.expect("a shell").success());
        let took: f64 = between(&before, &seconds()).values().sum();
        assert!(took > 0.02, "{took}");
    }
}
