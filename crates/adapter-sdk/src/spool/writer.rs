//! The one thread that writes.

use std::{
    fs::File,
    io,
    sync::{Arc, mpsc},
    time::Instant,
};

use super::{Append, Segment, Shared, SpoolError, Use, record::MAGIC};

/// At most so many bytes share one sync: enough to be cheap, little enough that nobody waits for a stranger's film.
const GROUP_BYTES: u64 = 4 << 20;

pub(super) struct Writer {
    shared: Arc<Shared>,
    next: u64,
    current: Option<Current>,
}

struct Current {
    number: u64,
    file: File,
    since: Instant,
    /// Its name is on the disk.
    named: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, next: u64) -> Self {
        Self { shared, next, current: None }
    }

    /// Numbers a group behind the last record that reached the disk. What does not reach it gives its number back.
    fn number(&self, group: &mut [Append]) {
        let last = self.shared.state().last_number;
        for (append, number) in group.iter_mut().zip(last + 1..) {
            append.record.set_number(number);
        }
    }

    /// Runs until the last [`super::Spool`] is dropped.
    pub(super) fn run(mut self, appends: &mpsc::Receiver<Append>) {
        while let Ok(first) = appends.recv() {
            let mut bytes = first.record.len();
            let mut group = vec![first];
            while bytes < GROUP_BYTES
                && let Ok(next) = appends.try_recv()
            {
                bytes += next.record.len();
                group.push(next);
            }
            self.number(&mut group);
            let outcome = self.write(&group, bytes).map_err(SpoolError::from);
            self.settle(&outcome, bytes);
            for append in group {
                // Who does not wait any more has gone away; the record stays.
                let _ = append.answer.send(outcome.clone());
            }
        }
    }

    fn write(&mut self, group: &[Append], bytes: u64) -> io::Result<()> {
        let (mut current, len) = self.segment()?;
        let written = self.put(&mut current, len, group);
        let mut state = self.shared.state();
        let mut emptied = false;
        if written.is_ok() {
            state.last_number += group.len() as u64;
        }
        let last = state.last_number;
        if let Some(segment) = state.segment(current.number) {
            match written {
                Ok(()) => {
                    segment.len += bytes;
                    segment.entries += group.len() as u64;
                    segment.last = last;
                    segment.done = None;
                    segment.use_ = Use::Open;
                }
                // Cut back to what is certain. After a failed sync nobody knows what the file holds: it is never written to again.
                Err(Fault::Write(_)) if current.file.set_len(len).is_ok() => segment.use_ = Use::Open,
                Err(_) => {
                    let _ = current.file.set_len(len); // the reader goes by `len`, whatever lies behind it
                    segment.use_ = Use::Sealed;
                    emptied = segment.entries == 0;
                }
            }
            if segment.use_ == Use::Open {
                self.current = Some(current);
            } else if emptied {
                let number = current.number;
                state.segments.retain(|segment| segment.number != number);
                let _ = std::fs::remove_file(self.shared.path(number));
            }
        }
        drop(state);
        written.map_err(|fault| match fault {
            Fault::Write(error) | Fault::Sync(error) => error,
        })
    }

    fn put(&self, current: &mut Current, len: u64, group: &[Append]) -> Result<(), Fault> {
        let disk = &self.shared.disk;
        disk.write(&current.file, len, group.iter().map(|append| &append.record)).map_err(Fault::Write)?;
        disk.sync(&current.file).map_err(Fault::Sync)?;
        if !current.named {
            disk.sync_folder(&self.shared.options.folder).map_err(Fault::Sync)?;
            current.named = true;
        }
        Ok(())
    }

    /// The segment to write to, marked as busy, and its length: the current one, unless it is large, old or forgotten.
    fn segment(&mut self) -> io::Result<(Current, u64)> {
        let options = &self.shared.options;
        if let Some(current) = self.current.take() {
            let mut state = self.shared.state();
            if let Some(segment) = state.segment(current.number) {
                // Old ones are left too: a slow door's records would otherwise lie in one file for days.
                if segment.len < options.segment_bytes && current.since.elapsed() < options.keep {
                    segment.use_ = Use::Busy;
                    return Ok((current, segment.len));
                }
                segment.use_ = Use::Sealed;
            }
        }
        let number = self.next;
        self.next += 1;
        let file = self.shared.disk.create(&self.shared.path(number))?;
        let len = MAGIC.len() as u64;
        let segment = Segment { number, len, entries: 0, last: 0, forwarded: 0, done: None, use_: Use::Busy };
        self.shared.state().segments.push_back(segment);
        Ok((Current { number, file, since: Instant::now(), named: false }, len))
    }

    fn settle(&self, outcome: &Result<(), SpoolError>, bytes: u64) {
        let mut state = self.shared.state();
        state.reserved = state.reserved.saturating_sub(bytes);
        state.failing = outcome.is_err();
        drop(state);
        self.shared.grown.send_modify(|groups| *groups += 1);
    }
}

enum Fault {
    Write(io::Error),
    Sync(io::Error),
}
