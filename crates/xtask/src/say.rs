//! What the commands say: one line a step, so that nobody has to guess what the machine is doing.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

/// A step begins.
pub(crate) fn step(what: &str) {
    line("→", "1;36", what);
}

/// Something was found or done.
pub(crate) fn fine(what: &str) {
    line("✓", "32", what);
}

/// Something is missing, and we go on without it.
pub(crate) fn without(what: &str) {
    line("·", "33", what);
}

/// It cannot go on.
pub(crate) fn problem(what: &str) {
    line("✗", "1;31", what);
}

/// `83 s`, `4.2 s`.
pub(crate) fn took(time: Duration) -> String {
    if time.as_secs() >= 10 { format!("{} s", time.as_secs()) } else { format!("{:.1} s", time.as_secs_f64()) }
}

/// A line of a program, behind its name.
pub(crate) fn said(name: &str, line: &str) {
    plain(&format!("{name:>10} │ {line}"));
}

/// Whole lines, so that the lines of several programs do not mix. A reader that went away is no reason to stop.
pub(crate) fn plain(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn line(mark: &str, colour: &str, what: &str) {
    if std::io::stdout().is_terminal() {
        plain(&format!("\u{1b}[{colour}m{mark}\u{1b}[0m {what}"));
    } else {
        plain(&format!("{mark} {what}"));
    }
}
