//! What this machine can do, part by part, each beside the machine's own limit measured in the same run.

use anyhow::Result;

use crate::{
    install, say,
    workspace::{cargo, run},
};

/// `(crate, example, what it shows)`, from the single part to the whole road.
const PARTS: [(&str, &str, &str); 5] = [
    ("triage", "cost", "triage: µs a complaint, memory of its models"),
    ("adapter-sdk", "spool_rate", "the door's spool, beside bare fdatasync in the same folder"),
    ("bus", "throughput", "the bus, beside bare async-nats"),
    ("intake", "record_rate", "recording complaints, beside COPY of the same rows"),
    ("tests", "bench", "the whole system: door, road, memory"),
];

/// Builds in release and runs one part after another. Quote the numbers only beside the limits of the same run: machines differ, and
/// this one may be busy.
pub(crate) fn run_all() -> Result<()> {
    install::postgres()?;
    install::nats()?;
    for (package, example, what) in PARTS {
        say::step(what);
        run(cargo().args(["run", "--quiet", "--release", "--package", package, "--example", example]))?;
    }
    Ok(())
}
