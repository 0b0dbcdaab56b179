//! `probe`: touches everything that the adapter depends on, and says what is fine, what is not, and what to do about it.

use std::{fmt, path::Path, time::Duration};

use bus::{Bus, BusConfig, Expiry};
use model::{AdapterName, Timestamp};
use tokio::{net::TcpListener, time::timeout};

use crate::{
    HttpSettings, Settings,
    any::AnyAdapter,
    pulse::words,
    run::{bus_config, client},
};

/// Whatever we ask, no answer within this time is an answer too.
const PATIENCE: Duration = Duration::from_secs(5);
/// The platform, with all its accounts.
const OF_ALL: Duration = Duration::from_mins(2);
/// From here on an expiry is a warning, in days.
const SOON: i64 = 14;

/// What became of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Fine,
    /// It works today, and will not for long, or not as well as it could.
    Warning,
    /// It does not work.
    Wrong,
    /// It could not be looked at, or the platform does not tell.
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What: `access token of the number WA-1`. No secret, no address of a citizen.
    pub what: String,
    /// How it is.
    pub state: State,
    /// One clause: `valid`, `Meta answered 401`.
    pub seen: String,
    /// What an administrator should do, a sentence.
    pub advice: Option<String>,
    /// Until when it lasts: a token, a certificate, a subscription.
    pub expires: Option<Timestamp>,
}

impl Finding {
    /// It is as it should be.
    pub fn fine(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Fine, seen: seen.into(), advice: None, expires: None }
    }

    /// It works, but something is to be done.
    pub fn warning(what: impl Into<String>, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Warning, advice: Some(advice.into()), ..Self::fine(what, seen) }
    }

    /// It does not work; `advice` says what to do.
    pub fn wrong(what: impl Into<String>, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Wrong, advice: Some(advice.into()), ..Self::fine(what, seen) }
    }

    /// Nobody can tell, and `seen` says why.
    pub fn unknown(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { state: State::Unknown, ..Self::fine(what, seen) }
    }

    /// The same, which lasts until then.
    #[must_use]
    pub fn until(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// As it is announced, where it ends.
    pub(crate) fn expiry(&self) -> Option<Expiry> {
        let todo = self.advice.clone().unwrap_or_else(|| "Renew it before then.".to_owned());
        self.expires.map(|at| Expiry { at, what: self.what.clone(), account: None, todo })
    }

    /// The same as of `now`: what has expired is wrong, and what will soon is a warning.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let Some(expires) = self.expires else { return self };
        let days = (expires.as_second() - now.as_second()).div_euclid(86_400);
        let (state, seen) = if days < 0 {
            (State::Wrong, format!("{}, expired at {expires}", self.seen))
        } else if days < SOON {
            (State::Warning, format!("{}, expires in {days} days, at {expires}", self.seen))
        } else {
            (State::Fine, format!("{}, expires in {days} days", self.seen))
        };
        self.seen = seen;
        if state != State::Fine {
            self.advice.get_or_insert_with(|| "Renew it.".to_owned());
            self.state = if self.state == State::Wrong { State::Wrong } else { state };
        }
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.state {
            State::Fine => "fine",
            State::Warning => "WARNING",
            State::Wrong => "WRONG",
            State::Unknown => "unknown",
        };
        write!(f, "{word:<8} {}: {}", self.what, self.seen)?;
        match self.advice.as_ref().filter(|_| self.state != State::Fine) {
            Some(advice) => write!(f, "\n         → {advice}"),
            None => Ok(()),
        }
    }
}

/// Looks at what every adapter needs, and then lets the adapter look at its platform.
pub(crate) async fn everything(name: &AdapterName, adapter: &dyn AnyAdapter, settings: &Settings<()>, now: Timestamp) -> Vec<Finding> {
    let mut found = vec![spool(&settings.spool.folder), door(settings, &settings.http).await, bus(name, settings).await];
    match timeout(OF_ALL, adapter.probe()).await {
        Ok(of_platform) if of_platform.is_empty() => {
            found.push(Finding::unknown("the platform", "this adapter has nothing to look at there"));
        }
        Ok(of_platform) => found.extend(of_platform),
        Err(_) => found.push(Finding::wrong(
            "the platform",
            format!("no answer within {} s", OF_ALL.as_secs()),
            "Look whether this machine reaches the platform.",
        )),
    }
    found.into_iter().map(|finding| finding.at(now)).collect()
}

/// Writes, syncs and removes a file beside the spool's own; the adapter may be running.
fn spool(folder: &Path) -> Finding {
    let what = format!("spool in {}", folder.display());
    let file = folder.join(".probe");
    let write = || -> std::io::Result<()> {
        crate::spool::make_folder(folder)?;
        std::fs::write(&file, b"probe")?;
        std::fs::File::open(&file)?.sync_all()?;
        std::fs::remove_file(&file)
    };
    match write() {
        Ok(()) => Finding::fine(what, "can be written"),
        Err(error) => Finding::wrong(
            what,
            error.to_string(),
            "Give the adapter's user this folder, on a disk with room, or name another as `spool.folder`.",
        ),
    }
}

/// A running adapter answers at its door; else the address must be free for one.
async fn door(settings: &Settings<()>, http: &HttpSettings) -> Finding {
    let address = settings.door.listen;
    let what = format!("door at {address}");
    if TcpListener::bind(address).await.is_ok() {
        return Finding::fine(what, "free; the adapter is not running here");
    }
    let asking = async {
        let client = client(http).ok()?.trusting(&format!("http://{address}")).ok()?;
        let answer = client.get(&format!("http://{address}/health")).send().await.ok()?;
        Some((answer.status.as_u16(), serde_json::from_slice::<serde_json::Value>(&answer.body).ok()?))
    };
    match timeout(PATIENCE, asking).await.ok().flatten() {
        Some((200, health)) => Finding::fine(what, format!("open; {} messages wait for the bus", health["spool_waiting"])),
        Some((_, health)) => {
            let why = health["last_error"].as_str().unwrap_or("it takes no messages").to_owned();
            Finding::wrong(what, why, "Look into the adapter's log.")
        }
        None => Finding::wrong(what, "taken by something else", "Stop the other program, or name another address as `door.listen`."),
    }
}

async fn bus(name: &AdapterName, settings: &Settings<()>) -> Finding {
    let config: BusConfig = bus_config(name, &settings.bus);
    let what = format!("bus at {}", settings.bus.url);
    let asking = async {
        let bus = Bus::connect(&config).await?;
        // Reading a cursor that nobody wrote needs everything: a connection, the right credential, the core's streams.
        bus.cursor(name, "probe").await
    };
    match timeout(PATIENCE, asking).await {
        Ok(Ok(_)) => Finding::fine(what, "answers this adapter's credential"),
        Ok(Err(error)) => Finding::wrong(
            what,
            words(&error),
            "Look at `bus.key_file` (`muara channel credential` makes it, the server must know it), and whether `muara` has been started once.",
        ),
        Err(_) => Finding::wrong(
            what,
            format!("no answer within {} s", PATIENCE.as_secs()),
            "Look whether NATS runs there, and at `bus.key_file` (`muara channel credential` makes it, the server must know it).",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_expires_is_told_before_it_does() {
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().expect("a time");
        let token = |until: &str| Finding::fine("token", "valid").until(until.parse().expect("a time")).at(now);
        assert_eq!(token("2027-11-21T00:00:00Z").state, State::Fine);
        assert_eq!(token("2026-12-01T00:00:00Z").state, State::Warning);
        assert_eq!(token("2026-11-20T23:59:59Z").state, State::Wrong);
        assert_eq!(
            token("2026-12-01T00:00:00Z").to_string(),
            "WARNING  token: valid, expires in 10 days, at 2026-12-01T00:00:00Z\n         → Renew it."
        );
        let dead = Finding::wrong("token", "refused", "Make a new one.").until("2027-11-21T00:00:00Z".parse().expect("a time")).at(now);
        assert_eq!((dead.state, dead.advice.as_deref()), (State::Wrong, Some("Make a new one.")));
    }
}
