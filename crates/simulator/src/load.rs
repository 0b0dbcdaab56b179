//! Load: signed webhooks at a steady rate, and how long the door takes to say yes.
//!
//! A client of its own, because a load generator must cost less than what it measures: one connection a worker, plain HTTP/1.1, the
//! next request only after the answer. At a given rate, time counts from the moment a request was due, so that a door that stalls
//! is not flattered by requests that were never sent.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::{Options, city::City, webhook};

/// What to send, and how fast.
#[derive(Debug, Clone)]
pub struct Load {
    /// The webhook: `http://127.0.0.1:8101/webhook`.
    pub target: String,
    /// The app's secret.
    pub secret: String,
    /// Requests a second; 0: as fast as the answers come.
    pub rate: u32,
    /// For how long.
    pub time: Duration,
    /// How many connections.
    pub connections: u32,
    /// How many citizens write.
    pub citizens: usize,
    /// Which city.
    pub seed: u64,
    /// What they write, each text once, and then the load ends; empty: what the city thinks of.
    pub texts: Arc<Vec<String>>,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Answers by status; 0: no answer.
    pub statuses: BTreeMap<u16, u64>,
    /// The time of each accepted request, sorted.
    pub took: Vec<Duration>,
    /// How long it went on.
    pub elapsed: Duration,
}

impl Outcome {
    /// Requests answered with a success.
    pub fn accepted(&self) -> u64 {
        self.statuses.iter().filter(|(status, _)| (200..300).contains(*status)).map(|(_, count)| count).sum()
    }

    /// Accepted requests a second.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    pub fn rate(&self) -> f64 {
        self.accepted() as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// The time within which so many of a thousand accepted requests were answered.
    pub fn per_mille(&self, share: usize) -> Duration {
        let last = self.took.len().saturating_sub(1);
        self.took.get((self.took.len() * share / 1000).min(last)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |share| self.per_mille(share).as_secs_f64() * 1000.0;
        writeln!(f, "accepted {} in {:.1} s: {:.0}/s", self.accepted(), self.elapsed.as_secs_f64(), self.rate())?;
        writeln!(f, "p50 {:.2} ms   p99 {:.2} ms   p99.9 {:.2} ms   longest {:.2} ms", ms(500), ms(990), ms(999), ms(1000))?;
        let statuses: Vec<String> = self.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        write!(f, "answers {}", statuses.join(", "))
    }
}

/// Plays it to the end.
pub async fn run(load: Load) -> anyhow::Result<Outcome> {
    let target = Arc::new(Target::parse(&load.target)?);
    let run = format!("{:x}", crate::clock::now().as_microsecond());
    let shared = Arc::new(Shared { load, target, run, next: AtomicU64::new(0), outcome: Mutex::default() });
    // A city of a million takes most of a second to think of: before the clock runs, or the first requests are late by that much.
    let cities: Vec<_> = (0..shared.load.connections.max(1)).map(|number| shared.city(number)).collect();
    let start = Instant::now();
    let workers: Vec<_> = cities.into_iter().map(|city| tokio::spawn(worker(Arc::clone(&shared), city, start))).collect();
    // To forget a million citizens takes as long as to think of them: after the clock too.
    let mut cities = Vec::new();
    for worker in workers {
        cities.push(worker.await.context("a worker ended badly")??);
    }
    let mut outcome = std::mem::take(&mut *shared.outcome.lock().unwrap_or_else(PoisonError::into_inner));
    outcome.elapsed = start.elapsed();
    drop(cities);
    outcome.took.sort_unstable();
    Ok(outcome)
}

struct Shared {
    load: Load,
    target: Arc<Target>,
    run: String,
    next: AtomicU64,
    outcome: Mutex<Outcome>,
}

impl Shared {
    /// Whoever writes on one connection.
    fn city(&self, connection: u32) -> City {
        City::new(self.load.seed.wrapping_add(connection.into()), self.load.citizens)
    }

    /// When the next request is due; `None` when it is over.
    fn due(&self, start: Instant) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match self.load.rate {
            0 => Instant::now(),
            rate => start + Duration::from_nanos(number.saturating_mul(1_000_000_000) / u64::from(rate)),
        };
        let (texts, sent) = (self.load.texts.len(), usize::try_from(number).unwrap_or(usize::MAX));
        (due < start + self.load.time && (texts == 0 || sent < texts)).then_some((number, due))
    }

    /// One text from one citizen, never seen before.
    fn message(&self, city: &mut City, number: u64) -> Vec<u8> {
        let person = city.somebody();
        let given = usize::try_from(number).ok().and_then(|at| self.load.texts.get(at));
        let text = given.cloned().unwrap_or_else(|| city.grievance(person.manner).text);
        let run = &self.run;
        let Options { phone_number_id, display_phone_number, .. } = Options::default();
        webhook::envelope(&[json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": display_phone_number, "phone_number_id": phone_number_id },
            "contacts": [{ "profile": { "name": person.name }, "wa_id": person.phone }],
            "messages": [{
                "from": person.phone, "id": format!("wamid.{run}.{number}"), "timestamp": crate::clock::now().as_second().to_string(),
                "type": "text", "text": { "body": text },
            }],
        })])
    }
}

async fn worker(shared: Arc<Shared>, mut city: City, start: Instant) -> anyhow::Result<City> {
    let mut outcome = Outcome::default();
    let mut line = None;
    while let Some((number, due)) = shared.due(start) {
        tokio::time::sleep_until(due).await;
        let body = shared.message(&mut city, number);
        let request = shared.target.request(&body, &shared.load.secret);
        let began = if shared.load.rate == 0 { Instant::now() } else { due };
        let status = exchange(&shared.target, &mut line, &request).await.unwrap_or_else(|_| {
            line = None;
            0
        });
        *outcome.statuses.entry(status).or_default() += 1;
        if (200..300).contains(&status) {
            outcome.took.push(began.elapsed());
        }
    }
    let mut all = shared.outcome.lock().unwrap_or_else(PoisonError::into_inner);
    all.took.append(&mut outcome.took);
    for (status, count) in outcome.statuses {
        *all.statuses.entry(status).or_default() += count;
    }
    Ok(city)
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    host: String,
    path: String,
}

impl Target {
    fn parse(url: &str) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else { bail!("the target must begin with http:// (the generator speaks no TLS)") };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { host, path: format!("/{path}") })
    }

    fn request(&self, body: &[u8], secret: &str) -> Vec<u8> {
        let mut request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{}: {}\r\ncontent-length: {}\r\n\r\n",
            self.path,
            self.host,
            webhook::SIGNATURE,
            webhook::signature(body, secret),
            body.len()
        )
        .into_bytes();
        request.extend(body);
        request
    }
}

/// Sends one request on the line, opening it where there is none, and reads the whole answer.
async fn exchange(target: &Target, line: &mut Option<TcpStream>, request: &[u8]) -> anyhow::Result<u16> {
    let stream = if let Some(stream) = line {
        stream
    } else {
        let stream = TcpStream::connect(&target.host).await?;
        stream.set_nodelay(true)?;
        line.insert(stream)
    };
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(512);
    let head = loop {
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the line was cut");
        }
    };
    let (status, length, closes) = read_head(&answer[..head])?;
    while answer.len() < head + length {
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the line was cut");
        }
    }
    if closes {
        *line = None;
    }
    Ok(status)
}

/// Status, length of the body, and whether the line is closed after it.
fn read_head(head: &[u8]) -> anyhow::Result<(u16, usize, bool)> {
    let head = std::str::from_utf8(head)?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let header = |name: &str| {
        head.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()))
    };
    if header("transfer-encoding").is_some() {
        bail!("an answer in chunks is not read");
    }
    let length = header("content-length").map_or(Ok(0), str::parse)?;
    Ok((status, length, header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_host_and_path() {
        assert_eq!(
            Target::parse("http://127.0.0.1:8101/webhook").expect("a target"),
            Target { host: "127.0.0.1:8101".into(), path: "/webhook".into() }
        );
        assert_eq!(Target::parse("http://door").expect("a target"), Target { host: "door:80".into(), path: "/".into() });
        assert!(Target::parse("https://door/").is_err());
    }

    #[test]
    fn an_answers_head_is_read() {
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").expect("a head"), (200, 2, false));
        assert_eq!(read_head(b"HTTP/1.1 503 X\r\nconnection: close\r\n\r\n").expect("a head"), (503, 0, true));
        assert!(read_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn shares_are_counted_from_the_shortest() {
        let took = (1..=1000).map(Duration::from_millis).collect();
        let outcome = Outcome { took, ..Outcome::default() };
        assert_eq!(outcome.per_mille(500), Duration::from_millis(501));
        assert_eq!(outcome.per_mille(999), Duration::from_secs(1));
        assert_eq!(Outcome::default().per_mille(500), Duration::ZERO);
    }
}
