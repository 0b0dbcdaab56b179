//! What this machine can do, part by part, each beside the machine's own limit measured in the same run.

use std::process::Command;

use anyhow::Result;

use crate::{
    install, say,
    workspace::{cargo, root, run, target},
};

/// `(example, what it shows)`, from the single part to the whole road.
const PARTS: [(&str, &str); 9] = [
    ("spool_rate", "the door's spool, beside bare fdatasync in the same folder"),
    ("door_rate", "what a durable yes costs: a spool, or a cluster of three (`durability = \"bus\"`)"),
    ("throughput", "the bus, beside bare async-nats"),
    ("record_rate", "recording complaints, beside COPY of the same rows"),
    ("adapters", "each adapter: code, program, cold start, memory, its door and what is behind it"),
    ("bench", "the whole system: door, road, memory"),
    ("cost", "triage: µs a complaint, memory of its models"),
    ("candidates", "finding earlier complaints about the same thing, at ten thousand and at a million stored"),
    ("lists", "lists of staff, their counts and the search, at ten thousand and at a million stored"),
];

/// Builds everything in release, once, and runs one part after another. Quote the numbers only beside the limits of the same run:
/// machines differ, and this one may be busy.
pub(crate) fn run_all() -> Result<()> {
    install::headers()?;
    install::postgres()?;
    install::nats()?;
    say::step("Building everything in release");
    // One choice of packages: another one would build half of the tree again with other features.
    run(cargo().args(["build", "--quiet", "--release", "--workspace", "--bins", "--examples"]))?;
    for (example, what) in PARTS {
        say::step(what);
        run(Command::new(target()?.join("release/examples").join(example)).current_dir(root()))?;
    }
    Ok(())
}
