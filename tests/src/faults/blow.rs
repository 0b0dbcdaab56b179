//! What can be done to an installation, and how it is taken back.

use std::{
    fmt, fs,
    path::Path,
    time::{Duration, Instant},
};

use servers::Nats;
use simulator::{
    Endpoint, Fault,
    x::{XEndpoint, XFault},
};

use super::Battle;
use crate::process::signal;

/// One of the small disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// The first door's spool.
    Spool,
    /// JetStream's.
    Nats,
    /// The database's.
    Postgres,
    /// Where files of citizens are kept.
    Files,
}

impl Disk {
    fn folder(self) -> &'static str {
        match self {
            Self::Spool => "spool-whatsapp",
            Self::Nats => "nats",
            Self::Postgres => "postgres",
            Self::Files => "files",
        }
    }
}

/// What is done. Its `Display` is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// Nothing: to compare.
    Nothing,
    /// `kill -9` of a program, which the system starts again.
    Kill(&'static str),
    /// One program after another, drawn by chance, as long as it lasts.
    KillAtRandom,
    /// `kill -9` of nats-server.
    KillNats,
    /// `kill -9` of PostgreSQL.
    KillPostgres,
    /// The wire between adapters and NATS is cut: both ends hear of it.
    CutAdapters,
    /// The wire between roles and NATS.
    CutCore,
    /// The wire between roles and PostgreSQL.
    CutDatabase,
    /// The cable is pulled: nobody hears of it.
    PullAdapters,
    /// Between roles and NATS.
    PullCore,
    /// Between roles and PostgreSQL.
    PullDatabase,
    /// Open connections between adapters and NATS carry nothing any more, and nobody is told; new ones work.
    ForgetAdapters,
    /// Between roles and NATS.
    ForgetCore,
    /// Between roles and PostgreSQL.
    ForgetDatabase,
    /// Every question to the database takes so many milliseconds more.
    SlowDatabase(u64),
    /// Every platform says: too many requests.
    TooMany,
    /// Every platform has an error.
    Broken,
    /// Every platform takes a request and never answers, and does nothing.
    Silent,
    /// Every platform does what it is asked, and never says so.
    Lost,
    /// A program is held (`SIGSTOP`), longer than the bus waits for it.
    Freeze(&'static str),
    /// nats-server is held.
    FreezeNats,
    /// Each role is stopped and started again, one after another, as an upgrade does.
    RollRoles,
    /// Each NATS server of three is killed and comes back, one after another: whoever leads a stream is among them.
    KillEachNats,
    /// Each NATS server of three is stopped and started again, one after another.
    RollNats,
    /// A disk is full.
    Fill(Disk),
    /// The clock of our programs jumps by so many seconds, and back.
    Clock(i64),
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Kill(name) => write!(f, "kill -9 {name}"),
            Self::KillAtRandom => f.write_str("kill -9 at random"),
            Self::KillNats => f.write_str("kill -9 nats-server"),
            Self::KillPostgres => f.write_str("kill -9 PostgreSQL"),
            Self::CutAdapters => f.write_str("cut adapters-NATS"),
            Self::CutCore => f.write_str("cut core-NATS"),
            Self::CutDatabase => f.write_str("cut core-PostgreSQL"),
            Self::PullAdapters => f.write_str("silent wire adapters-NATS"),
            Self::PullCore => f.write_str("silent wire core-NATS"),
            Self::PullDatabase => f.write_str("silent wire core-PostgreSQL"),
            Self::ForgetAdapters => f.write_str("dead connections adapters-NATS"),
            Self::ForgetCore => f.write_str("dead connections core-NATS"),
            Self::ForgetDatabase => f.write_str("dead connections core-PostgreSQL"),
            Self::SlowDatabase(ms) => write!(f, "database {ms} ms slower"),
            Self::TooMany => f.write_str("platforms say 429"),
            Self::Broken => f.write_str("platforms say 500"),
            Self::Silent => f.write_str("platforms never answer"),
            Self::Lost => f.write_str("platforms act, never answer"),
            Self::Freeze(name) => write!(f, "SIGSTOP {name}"),
            Self::FreezeNats => f.write_str("SIGSTOP nats-server"),
            Self::RollRoles => f.write_str("rolling restart of roles"),
            Self::KillEachNats => f.write_str("kill -9 each of 3 NATS"),
            Self::RollNats => f.write_str("rolling restart of 3 NATS"),
            Self::Fill(disk) => write!(f, "disk full: {}", disk.folder()),
            Self::Clock(by) => write!(f, "clock jumps {by:+} s and back"),
        }
    }
}

impl Blow {
    /// How long a flood must pour, in lengths of the fault, so that something comes all the while and afterwards.
    pub fn lengths(self) -> u32 {
        match self {
            Self::KillEachNats | Self::RollNats => 5,
            _ => 2,
        }
    }
}

/// The roles, two of each.
const ROLES: [&str; 6] = ["intake", "intake2", "dispatch", "dispatch2", "web", "web2"];

impl Battle {
    /// Does it, lets it last, and takes it back.
    pub(super) async fn strike(&mut self, blow: Blow, hold: Duration) {
        match blow {
            Blow::Nothing => tokio::time::sleep(hold).await,
            Blow::Kill(name) => {
                self.world.process(name).kill();
                tokio::time::sleep(hold.min(Duration::from_secs(2))).await;
                self.world.process(name).resume();
            }
            Blow::KillAtRandom => self.kill_at_random(hold).await,
            Blow::KillNats => {
                self.world.nats.kill9();
                tokio::time::sleep(hold).await;
                self.world.nats.restart().expect("NATS starts again");
            }
            Blow::KillPostgres => {
                self.world.postgres.kill9();
                tokio::time::sleep(hold).await;
                self.world.postgres.restart().expect("PostgreSQL starts again");
            }
            Blow::CutAdapters | Blow::CutCore | Blow::CutDatabase => {
                self.wire(blow).cut().await;
                tokio::time::sleep(hold).await;
                self.wire(blow).mend();
            }
            Blow::PullAdapters | Blow::PullCore | Blow::PullDatabase => {
                self.wire(blow).hold();
                tokio::time::sleep(hold).await;
                self.wire(blow).mend();
            }
            Blow::ForgetAdapters | Blow::ForgetCore | Blow::ForgetDatabase => {
                self.wire(blow).forget();
                tokio::time::sleep(hold).await;
            }
            Blow::SlowDatabase(ms) => {
                self.wire(blow).slow(Duration::from_millis(ms));
                tokio::time::sleep(hold).await;
                self.wire(blow).mend();
            }
            Blow::TooMany | Blow::Broken | Blow::Silent | Blow::Lost => self.trouble_platforms(blow, hold).await,
            Blow::Freeze(name) => {
                self.world.process(name).freeze();
                tokio::time::sleep(hold).await;
                self.world.process(name).thaw();
            }
            Blow::FreezeNats => {
                let id = self.world.nats.process().expect("NATS runs");
                signal("-STOP", id);
                tokio::time::sleep(hold).await;
                signal("-CONT", id);
            }
            Blow::RollRoles => {
                for role in ROLES {
                    self.world.process(role).stop();
                    self.world.process(role).resume();
                    tokio::time::sleep(hold / 6).await;
                }
            }
            Blow::KillEachNats | Blow::RollNats => self.each_nats(blow, hold).await,
            Blow::Fill(disk) => {
                self.world.fill(disk.folder());
                tokio::time::sleep(hold).await;
                self.world.empty(disk.folder());
                self.restart_servers_that_ended();
            }
            Blow::Clock(by) => {
                let clock = self.clock.clone().expect("this installation has a clock that can be moved");
                set_clock(&clock, by);
                tokio::time::sleep(hold).await;
                set_clock(&clock, 0);
            }
        }
    }

    fn wire(&self, blow: Blow) -> &crate::Proxy {
        let wires = self.world.wires();
        match blow {
            Blow::CutAdapters | Blow::PullAdapters | Blow::ForgetAdapters => &wires.adapters_to_bus,
            Blow::CutCore | Blow::PullCore | Blow::ForgetCore => &wires.core_to_bus,
            _ => &wires.core_to_database,
        }
    }

    async fn kill_at_random(&mut self, hold: Duration) {
        let since = Instant::now();
        let names = self.world.process_names();
        while since.elapsed() < hold {
            let name = *self.random.pick(&names);
            self.world.process(name).kill();
            tokio::time::sleep(Duration::from_millis(200 + self.random.below(800) as u64)).await;
            self.world.process(name).resume();
            tokio::time::sleep(Duration::from_millis(200 + self.random.below(1_500) as u64)).await;
        }
    }

    async fn trouble_platforms(&mut self, blow: Blow, hold: Duration) {
        let (fault, on_x) = match blow {
            Blow::TooMany => (Fault::TooMany(Some(2)), XFault::TooMany(2)),
            Blow::Broken => (Fault::Broken, XFault::Broken),
            Blow::Silent => (Fault::Silent, XFault::Silent),
            _ => (Fault::Lost, XFault::Lost),
        };
        self.world.platform.fail(Endpoint::Messages, fault.clone());
        self.gateway.fail(Some(fault));
        self.x.fail(XEndpoint::Post, on_x, None);
        tokio::time::sleep(hold).await;
        self.world.platform.mend(Endpoint::Messages);
        self.gateway.fail(None);
        self.x.mend();
    }

    async fn each_nats(&mut self, blow: Blow, hold: Duration) {
        for number in 0..=self.world.more_nats.len() {
            let nats: &mut Nats = if number == 0 { &mut self.world.nats } else { &mut self.world.more_nats[number - 1] };
            match blow {
                Blow::RollNats => nats.stop(),
                _ => nats.kill9(),
            }
            tokio::time::sleep(hold / 3).await;
            let nats: &mut Nats = if number == 0 { &mut self.world.nats } else { &mut self.world.more_nats[number - 1] };
            nats.restart().expect("NATS starts again");
            // The next one only when this one has caught up: three copies need two.
            tokio::time::sleep(hold).await;
        }
    }

    /// A server that could not write any more may have ended: `muara all` and the system start it again.
    fn restart_servers_that_ended(&mut self) {
        if !self.world.postgres.running() {
            self.world.postgres.restart().expect("PostgreSQL starts again");
        }
        if !self.world.nats.running() {
            self.world.nats.restart().expect("NATS starts again");
        }
    }
}

/// The environment of a program that believes this clock. Only the time of day is another: pauses and timers go on.
pub(super) fn faked(clock: &Path) -> Vec<(String, String)> {
    let library = super::faketime().expect("libfaketime is here");
    [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Moves the clock so many seconds away from the machine's.
pub(super) fn set_clock(clock: &Path, by: i64) {
    let beside = clock.with_extension("new");
    fs::write(&beside, format!("{by:+}\n")).expect("the folder is ours");
    fs::rename(&beside, clock).expect("the folder is ours");
}
