//! The rules. Each function tries one; what is broken is gathered, and told together.

use std::{
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use adapter_sdk::{
    Adapter, AdapterName, Attachment, Audience, Content, Event, FetchError, Finding, Http, Inbound, ParseError, Raw, Reference, SendError,
    Settings, State, Timestamp, TraceId, outgoing::Limits,
};
use proptest::test_runner::{Config as CasesOf, RngAlgorithm, TestRng, TestRunner};

use crate::{
    Canned, Contract, Elsewhere, FakePlatform, Fixture, Probe, Wanted,
    mutate::{changed, changes},
};

/// How often each fixture is changed.
const CASES: u32 = 256;
/// How long an answer is waited for that comes: a machine that does much else may take seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one is waited for that never comes.
const HASTE: Duration = Duration::from_millis(400);
/// How long a host may be looked for that is not there.
const CONNECTING: Duration = Duration::from_secs(2);
/// However many accounts it looks at; only a hang takes longer.
const PROBING: Duration = Duration::from_secs(30);
/// What a platform may answer in these tests, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The longest key, in bytes.
const LONGEST_KEY: usize = 512;

/// What is broken so far.
#[derive(Default)]
pub(crate) struct Findings(Vec<(u8, String)>);

impl Findings {
    /// A rule and whether it holds; if not, what was seen.
    pub(crate) fn rule(&mut self, number: u8, holds: bool, seen: impl FnOnce() -> String) {
        if !holds {
            self.0.push((number, seen()));
        }
    }

    /// Tells all of it, by number.
    ///
    /// # Panics
    /// When anything is broken.
    pub(crate) fn tell(mut self, adapter: &str) {
        self.0.sort_by_key(|(number, _)| *number);
        let lines: Vec<String> = self.0.iter().map(|(number, seen)| format!("C{number}: {seen}")).collect();
        let broken = lines.len();
        assert!(broken == 0, "{}\n(broken by the adapter `{adapter}`; the rules are in docs/adapter-spec.md)", lines.join("\n"));
    }
}

/// The adapter under test, opened on a fake platform.
pub(crate) struct Suite<A: Adapter> {
    pub(crate) contract: Contract,
    pub(crate) platform: FakePlatform,
    pub(crate) name: AdapterName,
    pub(crate) adapter: Arc<A>,
    /// The same with less patience, for a platform that says nothing.
    hasty: Arc<A>,
    pub(crate) fixtures: Vec<Fixture>,
    pub(crate) findings: Findings,
    /// Which headers of fixtures reach `parse`.
    keep_headers: &'static [&'static str],
}

/// A client as adapters get it, with this much patience: nothing private but what the configuration names.
fn client(patience: Duration) -> Http {
    let limits = Limits { connect: CONNECTING.min(patience), total: patience, max_body: MAX_BODY, ..Limits::default() };
    Http::new(limits).expect("this machine makes a client")
}

fn text(contract: &Contract, platform: &str) -> String {
    let own = (contract.config)(platform);
    format!("[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\n{own}\n")
}

fn open<A: Adapter>(contract: &Contract, platform: &str, patience: Duration) -> Result<A, String> {
    let settings = Settings::<A::Config>::layered(&[A::DEFAULTS, &text(contract, platform)]).map_err(|error| error.to_string())?;
    A::open(settings.adapter, client(patience)).map_err(|error| error.to_string())
}

impl<A: Adapter> Suite<A> {
    /// Opens the adapter on the thread, where no runtime is: I/O of tokio would panic there (C10).
    pub(crate) fn open(contract: Contract, platform: FakePlatform, keep_headers: &'static [&'static str]) -> Self {
        let name = A::NAME.parse().unwrap_or_else(|_| panic!("C10: `{}` is no name for an adapter: [a-z][a-z0-9_]*", A::NAME));
        let opened = |patience| {
            let opened = catch_unwind(|| open::<A>(&contract, platform.url(), patience));
            let opened = opened.unwrap_or_else(|_| panic!("C10: `open` panicked: it does no I/O, and needs no runtime"));
            Arc::new(opened.unwrap_or_else(|error| panic!("C10: the contract's configuration does not open: {error}")))
        };
        let (adapter, hasty) = (opened(PATIENCE), opened(HASTE));
        let fixtures = Fixture::all(Path::new(contract.fixtures), contract.bare);
        Self { contract, platform, name, adapter, hasty, fixtures, findings: Findings::default(), keep_headers }
    }

    fn raw(&self, fixture: &Fixture) -> Raw {
        fixture.raw(&self.name, self.keep_headers)
    }

    pub(crate) fn rule(&mut self, number: u8, holds: bool, seen: impl FnOnce() -> String) {
        self.findings.rule(number, holds, seen);
    }

    /// The rules of every kind.
    pub(crate) async fn of_every_kind(&mut self) {
        self.names_of_fixtures();
        self.c10_no_call().await;
        self.c10_defaults();
        for fixture in self.fixtures.clone() {
            let parsed = self.parse(&self.raw(&fixture));
            let Ok(parsed) = parsed else {
                self.rule(3, false, || format!("`parse` panicked on {}", fixture.name));
                continue;
            };
            self.c1_and_c2(&fixture, &parsed);
            self.c3_changed(&fixture);
            self.c11_snapshot(&fixture, &parsed);
            self.c11_and_c12(&fixture, &parsed);
            if let Ok(events) = &parsed {
                self.c11_files(&fixture, events).await;
            }
        }
        self.c11_no_snapshot_alone();
        if let Some(reply) = self.contract.reply {
            match self.contract.elsewhere {
                None => self.c7(reply).await,
                Some(elsewhere) => self.c7_elsewhere(reply, elsewhere).await,
            }
            self.c8(reply).await;
        }
        self.c13().await;
    }

    fn parse(&self, raw: &Raw) -> Result<Result<Vec<Event>, ParseError>, ()> {
        catch_unwind(AssertUnwindSafe(|| self.adapter.parse(raw))).map_err(|_| ())
    }

    fn names_of_fixtures(&mut self) {
        let Contract { ignored, unparsable, public, .. } = self.contract;
        for name in ignored.iter().chain(unparsable).chain(public) {
            let known = self.fixtures.iter().any(|fixture| fixture.name == *name);
            self.rule(11, known, || format!("the contract names the fixture {name}, which is not there"));
        }
    }

    /// C10: `open` does no I/O. The platform has had no time to run yet: a call of ours, behind any other, gives it that.
    async fn c10_no_call(&mut self) {
        const OURS: &str = "/behind-the-others";
        let ours = client(PATIENCE).trusting(self.platform.url()).map(|http| http.get(&format!("{}{OURS}", self.platform.url())).send());
        let answered = ours.expect("the platform has an address").await;
        self.rule(10, answered.is_ok(), || "the fake platform does not answer".to_owned());
        let others = self.platform.seen().iter().filter(|seen| seen.path != OURS).count();
        self.rule(10, others == 0, || format!("`open` called the platform {others} times"));
        self.platform.forget();
    }

    /// C10: the default configuration parses, and a misspelt key is refused by its name.
    fn c10_defaults(&mut self) {
        let defaults = Settings::<A::Config>::from_toml(A::DEFAULTS);
        let said = defaults.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.rule(10, defaults.is_ok(), || format!("the default configuration does not parse: {said}"));
        if let Ok(settings) = &defaults {
            let listen = settings.door.listen;
            self.rule(10, listen.ip().is_loopback(), || format!("the default door listens on {listen}, which is not loopback"));
        }
        let misspelt = format!("{}no_such_key = 1\n", text(&self.contract, self.platform.url()));
        let refused = Settings::<A::Config>::layered(&[A::DEFAULTS, &misspelt]).map(drop).map_err(|error| error.to_string());
        let named = refused.as_ref().is_err_and(|said| said.contains("no_such_key"));
        self.rule(10, named, || {
            format!("an unknown key is not refused by its name: {refused:?}; put #[serde(deny_unknown_fields)] on Config")
        });
        if let Err(said) = refused {
            self.no_secret("an error of the configuration", &said);
        }
    }

    /// C1: the same bytes give the same events. C2: another time and trace, the same keys.
    fn c1_and_c2(&mut self, fixture: &Fixture, parsed: &Result<Vec<Event>, ParseError>) {
        let raw = self.raw(fixture);
        let again = self.parse(&raw).map(|again| said(&again)).unwrap_or_default();
        let other = open::<A>(&self.contract, self.platform.url(), PATIENCE).map(|other| said(&other.parse(&raw))).unwrap_or_default();
        let first = said(parsed);
        let stored = serde_json::to_vec(&raw).and_then(|stored| serde_json::from_slice::<Raw>(&stored));
        let replayed = stored.map_or_else(|_| Ok(String::new()), |stored| self.parse(&stored).map(|replayed| said(&replayed)));
        self.rule(1, replayed.is_ok_and(|replayed| replayed == first), || format!("{} gives other events in a replay", fixture.name));
        self.rule(1, first == again, || format!("{} gives other events when it is parsed again", fixture.name));
        self.rule(1, first == other, || format!("{} gives other events in another process", fixture.name));
        let later = Raw { received_at: raw.received_at + Duration::from_hours(1), trace: TraceId::random(), ..raw.clone() };
        let again = self.parse(&later).map(|parsed| keys(&parsed, later.received_at)).unwrap_or_default();
        let (keys, keys_later) = (keys(parsed, raw.received_at), again);
        self.rule(2, keys == keys_later, || format!("{} has the keys {keys:?}, and delivered again {keys_later:?}", fixture.name));
        let mut several = keys.clone();
        several.sort();
        several.dedup();
        self.rule(2, several.len() == keys.len(), || format!("{} gives two events one key", fixture.name));
    }

    /// C3: no bytes make `parse` panic, and what it makes of them is whole.
    fn c3_changed(&mut self, fixture: &Fixture) {
        let raw = self.raw(fixture);
        let cases = CasesOf { cases: CASES, failure_persistence: None, ..CasesOf::default() };
        // The same changes in every run: what is found here today is not found in somebody else's change tomorrow.
        let tried = TestRunner::new_with_rng(cases, TestRng::deterministic_rng(RngAlgorithm::ChaCha)).run(&changes(), |changes| {
            let changed = Raw { body: changed(&raw.body, &changes).into(), ..raw.clone() };
            match self.parse(&changed) {
                Err(()) => Err(proptest::test_runner::TestCaseError::fail("`parse` panicked")),
                Ok(parsed) => match parsed.iter().flatten().find_map(|event| flaw(&self.name, event)) {
                    Some(flaw) => Err(proptest::test_runner::TestCaseError::fail(flaw)),
                    None => Ok(()),
                },
            }
        });
        let told = tried.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.rule(3, tried.is_ok(), || format!("{}, changed: {told}", fixture.name));
    }

    /// C7: what the platform answers becomes the right error.
    async fn c7(&mut self, reply: fn() -> adapter_sdk::Reply) {
        self.platform.forget();
        self.platform.always((self.contract.accepts)());
        let sent = self.adapter.send(&reply()).await;
        self.rule(7, sent.is_ok(), || format!("what the platform accepts is not sent: {sent:?}"));
        let refusals = (self.contract.refusals)();
        let has_a_no = refusals.iter().any(|refusal| matches!(refusal.wanted, Wanted::Rejected(_) | Wanted::AnyNo));
        self.rule(7, has_a_no, || "the contract shows no final no of the platform (`refusals`)".to_owned());
        for refusal in refusals {
            self.answered(&refusal.answer, &refusal.wanted, reply).await;
        }
        self.answered(&Canned::status(429).with("retry-after", "7"), &Wanted::Throttled(Some(7)), reply).await;
        for status in [500, 502, 503] {
            self.answered(&Canned::status(status), &Wanted::Unreachable, reply).await;
        }
        self.platform.forget();
        self.platform.fall_silent();
        let sent = self.hasty.send(&reply()).await;
        self.told_of("silence", &sent, &Wanted::Unreachable);
        let nobody = closed_port().await;
        match open::<A>(&self.contract, &nobody, PATIENCE) {
            Ok(adapter) => {
                let sent = adapter.send(&reply()).await;
                self.told_of("a closed port", &sent, &Wanted::Unreachable);
            }
            Err(error) => self.rule(7, false, || format!("the adapter does not open on another address: {error}")),
        }
        self.platform.forget();
    }

    /// C7 for a platform that does not speak HTTP.
    async fn c7_elsewhere(&mut self, reply: fn() -> adapter_sdk::Reply, elsewhere: Elsewhere) {
        (elsewhere.mend)();
        let sent = self.adapter.send(&reply()).await;
        self.rule(7, sent.is_ok(), || format!("what the platform accepts is not sent: {sent:?}"));
        let has = |wanted: fn(&Wanted) -> bool| elsewhere.troubles.iter().any(|trouble| wanted(&trouble.wanted));
        let shows_both =
            has(|wanted| matches!(wanted, Wanted::Rejected(_) | Wanted::AnyNo)) && has(|wanted| *wanted == Wanted::Unreachable);
        self.rule(7, shows_both, || "the contract shows no final no of the platform, or no trouble that passes (`troubles`)".to_owned());
        for trouble in elsewhere.troubles {
            (elsewhere.mend)();
            (trouble.begin)();
            let sent = self.adapter.send(&reply()).await;
            self.told_of(trouble.what, &sent, &trouble.wanted);
        }
        (elsewhere.mend)();
    }

    /// C13: `probe` says that all is well when it is, what to do when it is not, comes to an end, and changes nothing.
    async fn c13(&mut self) {
        let Some(Probe { healthy, broken }) = self.contract.probe else {
            let found = self.adapter.probe().await;
            let well = found.iter().any(|finding| finding.state == State::Fine);
            return self.rule(13, !well, || "`probe` says that something is fine, and the contract does not try it (`probe`)".to_owned());
        };
        self.platform.forget();
        healthy(&self.platform);
        let Some(found) = self.probed(self.adapter.clone()).await else { return };
        let well = !found.is_empty() && found.iter().all(|finding| finding.state != State::Wrong);
        self.rule(13, well, || format!("all is well, and `probe` finds {found:?}"));
        let changing = self.platform.seen().iter().find(|seen| !seen.method.is_safe()).map(|seen| seen.method.clone());
        self.rule(13, changing.is_none(), || format!("`probe` calls {changing:?}, which may change something there"));
        for (number, begin) in broken.iter().enumerate() {
            self.platform.forget();
            begin(&self.platform);
            self.finds_something_wrong(&format!("the {}. of `broken`", number + 1), self.adapter.clone(), false).await;
        }
        if self.contract.elsewhere.is_some() {
            return;
        }
        self.platform.forget();
        self.platform.always(Canned::status(401));
        self.finds_something_wrong("401 to everything", self.adapter.clone(), false).await;
        self.platform.fall_silent();
        self.finds_something_wrong("silence", self.hasty.clone(), true).await;
        self.platform.forget();
        if let Ok(adapter) = open::<A>(&self.contract, &closed_port().await, PATIENCE) {
            let found = tokio::time::timeout(PROBING, adapter.probe()).await.unwrap_or_default();
            let well = found.iter().all(|finding| finding.state == State::Fine);
            self.rule(13, !well, || format!("nobody answers at a closed port, and `probe` finds {found:?}"));
        }
    }

    async fn finds_something_wrong(&mut self, what: &str, adapter: Arc<A>, may_be_unknown: bool) {
        let found = self.probed(adapter).await.unwrap_or_default();
        let wrong = found.iter().any(|finding| finding.state == State::Wrong || may_be_unknown && finding.state == State::Unknown);
        self.rule(13, wrong, || format!("{what}: `probe` finds nothing wrong: {found:?}"));
    }

    /// What `probe` finds; whatever is wrong says what to do, and nothing shows a secret.
    async fn probed(&mut self, adapter: Arc<A>) -> Option<Vec<Finding>> {
        let found = tokio::time::timeout(PROBING, adapter.probe()).await;
        self.rule(13, found.is_ok(), || format!("`probe` does not come to an end within {} s", PROBING.as_secs()));
        let found = found.ok()?;
        for finding in &found {
            let advised = finding.state != State::Wrong || finding.advice.is_some();
            self.rule(13, advised, || format!("`probe` does not say what to do: {finding:?}"));
            self.no_secret("a finding of `probe`", &format!("{finding:?} {finding}"));
        }
        Some(found)
    }

    async fn answered(&mut self, answer: &Canned, wanted: &Wanted, reply: fn() -> adapter_sdk::Reply) {
        self.platform.forget();
        self.platform.always(answer.clone());
        let sent = self.adapter.send(&reply()).await;
        let calls = self.platform.seen().len();
        self.rule(7, calls > 0, || "`send` did not call the platform".to_owned());
        self.told_of(&format!("{} {}", answer.status, answer.body), &sent, wanted);
    }

    fn told_of(&mut self, what: &str, sent: &Result<adapter_sdk::Sent, SendError>, wanted: &Wanted) {
        let fits = match (sent, wanted) {
            (Err(SendError::Unreachable(_)), Wanted::Unreachable)
            | (Err(SendError::OptedOut), Wanted::OptedOut)
            | (Err(SendError::Unknown { .. }), Wanted::Unknown)
            | (Err(SendError::Rejected { .. }), Wanted::AnyNo) => true,
            (Err(SendError::Throttled(after)), Wanted::Throttled(seconds)) => {
                seconds.is_none_or(|seconds| *after == Some(Duration::from_secs(seconds)))
            }
            (Err(SendError::Rejected { code, .. }), Wanted::Rejected(wanted)) => code == wanted,
            _ => false,
        };
        self.rule(7, fits, || format!("{what} must become {wanted:?}, and became {sent:?}"));
        if let Err(error) = sent {
            let told = causes(error);
            self.no_secret("an error of `send`", &told);
            if let Some(reply) = self.contract.reply {
                let reply = reply();
                let shows = told.contains(&reply.text) || told.contains(reply.to.address.path());
                self.rule(9, !shows, || format!("an error of `send` shows the citizen's address or our words: {told}"));
            }
        }
    }

    /// C8: a text over the limit is split in order or rejected, never cut.
    async fn c8(&mut self, reply: fn() -> adapter_sdk::Reply) {
        let Some(limit) = self.contract.text_limit else { return };
        let words = (0..limit).map(|n| format!("kata{n}")).collect::<Vec<_>>().join(" ");
        let longest: String = "0123456789".chars().cycle().take(3 * limit).collect();
        let wide = "🌊ü".repeat(limit);
        let elsewhere = self.contract.elsewhere;
        for (what, text) in [("many words", words), ("one long word", longest), ("characters of many bytes", wide)] {
            self.platform.forget();
            self.platform.always((self.contract.accepts)());
            let _ = elsewhere.map(|elsewhere| (elsewhere.received)());
            let sent = self.adapter.send(&adapter_sdk::Reply { text: text.clone(), ..reply() }).await;
            let parts: Vec<String> = match elsewhere {
                Some(elsewhere) => (elsewhere.received)(),
                None => self.platform.seen().iter().filter_map(|seen| (self.contract.sent_text)(seen)).collect(),
            };
            match sent {
                Ok(_) => {
                    let too_long = parts.iter().map(|part| part.chars().count()).find(|chars| *chars > limit);
                    self.rule(8, too_long.is_none(), || format!("{what}: a part has {too_long:?} characters, and {limit} are taken"));
                    let whole = squeezed(&parts.concat()) == squeezed(&text);
                    self.rule(8, whole, || format!("{what}: the {} parts do not make up the text, in its order", parts.len()));
                }
                Err(SendError::Rejected { .. }) => {
                    self.rule(8, parts.is_empty(), || format!("{what}: rejected after {} parts were sent", parts.len()));
                }
                Err(error) => self.rule(8, false, || format!("{what}: neither split nor rejected: {error:?}")),
            }
        }
        self.platform.forget();
    }

    /// C9, wherever something is shown.
    pub(crate) fn no_secret(&mut self, place: &str, shown: &str) {
        for secret in self.contract.secrets {
            self.rule(9, !shown.contains(secret), || format!("{place} shows a secret: {}", shown.replace(secret, "***")));
        }
    }

    /// C9: neither a secret nor what a citizen wrote is in the log.
    pub(crate) fn c9_log(&mut self, log: &str) {
        self.no_secret("the log", log);
        for fixture in self.fixtures.clone() {
            let Ok(Ok(events)) = self.parse(&self.raw(&fixture)) else { continue };
            for inbound in events.iter().filter_map(message) {
                let private = [Some(inbound.text.as_str()), inbound.sender_name.as_deref()].into_iter().flatten();
                // A short word may stand in a line by chance.
                for words in private.filter(|words| words.chars().count() > 8) {
                    self.rule(9, !log.contains(words), || format!("the log shows what the citizen of {} wrote", fixture.name));
                }
                let address = inbound.sender.iter().find(|address| address.path().len() > 8 && log.contains(address.path()));
                self.rule(9, address.is_none(), || format!("the log shows the address of the citizen of {}", fixture.name));
            }
            let shown = format!("{events:?}");
            self.no_secret("`Debug` of an event", &shown);
        }
    }

    /// C11: every fixture has a snapshot.
    fn c11_snapshot(&mut self, fixture: &Fixture, parsed: &Result<Vec<Event>, ParseError>) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(self.contract.fixtures);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let shown = said(parsed);
        let asserted = settings.bind(|| catch_unwind(AssertUnwindSafe(|| insta::assert_snapshot!(fixture.name.as_str(), shown))));
        self.rule(11, asserted.is_ok(), || format!("{} differs from its snapshot, or has none: look, then accept it", fixture.name));
    }

    fn c11_no_snapshot_alone(&mut self) {
        let listed = std::fs::read_dir(self.contract.fixtures).into_iter().flatten().flatten();
        let names: Vec<String> = listed.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".snap").map(str::to_owned)).collect();
        for name in names {
            let has_fixture = self.fixtures.iter().any(|fixture| fixture.name == name);
            self.rule(11, has_fixture, || format!("the snapshot {name} has no fixture"));
        }
    }

    /// C11: what is public has `Audience::Public`. C12: echoes and groups are ignored. And what does not parse is known.
    fn c11_and_c12(&mut self, fixture: &Fixture, parsed: &Result<Vec<Event>, ParseError>) {
        let named = |names: &[&str]| names.contains(&fixture.name.as_str());
        let Contract { ignored, unparsable, public, .. } = self.contract;
        match parsed {
            Err(error) => self.rule(11, named(unparsable), || format!("{} does not parse: {error}", fixture.name)),
            Ok(events) => {
                self.rule(11, !named(unparsable), || format!("{} must not parse, and gives {} events", fixture.name, events.len()));
                if named(ignored) {
                    self.rule(12, events.is_empty(), || format!("{} must be ignored, and gives {} events", fixture.name, events.len()));
                }
                for event in events {
                    let flaw = flaw(&self.name, event);
                    self.rule(2, flaw.is_none(), || format!("{}: {}", fixture.name, flaw.unwrap_or_default()));
                }
                let wanted = if named(public) { Audience::Public } else { Audience::Private };
                for inbound in events.iter().filter_map(message) {
                    let answered = inbound.reply_to.as_ref().is_none_or(|to| to.audience == wanted || wanted == Audience::Public);
                    let fits = inbound.audience == wanted && answered;
                    self.rule(11, fits, || format!("{} must be {wanted:?}, and is {:?}", fixture.name, inbound.audience));
                }
            }
        }
        if let Err(error) = parsed {
            self.no_secret("an error of `parse`", &causes(error));
        }
    }

    /// C11: files go through the limited client: more than it takes is an error, and silence ends.
    async fn c11_files(&mut self, fixture: &Fixture, events: &[Event]) {
        let raw = self.raw(fixture);
        let files = events.iter().filter_map(message).flat_map(|inbound| &inbound.attachments);
        let remote: Vec<_> = files.filter_map(remote).cloned().collect();
        for media in remote {
            self.platform.forget();
            self.platform.always(Canned { status: 200, headers: Vec::new(), body: "x".repeat(MAX_BODY + 1) });
            let fetched = self.adapter.fetch_from(&raw, &media).await;
            let asked = !self.platform.seen().is_empty();
            // Not asked: it lies inside the raw bytes, or on a host that no test has.
            let fits =
                if asked { matches!(fetched, Err(FetchError::TooLarge)) } else { matches!(fetched, Ok(_) | Err(FetchError::Later(_))) };
            self.rule(11, fits, || format!("{}: a file over the client's limit gives {}", fixture.name, outcome(&fetched)));
            if asked {
                self.platform.fall_silent();
                let fetched = self.hasty.fetch_from(&raw, &media).await;
                let later = matches!(fetched, Err(FetchError::Later(_)));
                self.rule(11, later, || format!("{}: a platform that does not answer gives {}", fixture.name, outcome(&fetched)));
                if let Err(error) = &fetched {
                    self.no_secret("an error of `fetch`", &causes(error));
                }
            }
        }
        self.platform.forget();
    }
}

fn outcome(fetched: &Result<adapter_sdk::Bytes, FetchError>) -> String {
    match fetched {
        Ok(bytes) => format!("{} bytes", bytes.len()),
        Err(error) => format!("{error:?}"),
    }
}

fn message(event: &Event) -> Option<&Inbound> {
    if let Event::Message(inbound) = event { Some(inbound) } else { None }
}

fn remote(attachment: &Attachment) -> Option<&adapter_sdk::RemoteMedia> {
    if let Content::Remote(media) = &attachment.content { Some(media) } else { None }
}

/// Events as JSON, or the error.
fn said(parsed: &Result<Vec<Event>, ParseError>) -> String {
    match parsed {
        Ok(events) => serde_json::to_string_pretty(events).expect("events are JSON"),
        Err(error) => format!("ParseError: {error}"),
    }
}

/// What makes each event itself, whenever it is delivered.
fn keys(parsed: &Result<Vec<Event>, ParseError>, received_at: Timestamp) -> Vec<String> {
    // Some platforms do not say when: then it is when we heard.
    let at = |at: Timestamp| if at == received_at { "on arrival".to_owned() } else { at.to_string() };
    let key = |event: &Event| match event {
        Event::Message(inbound) => format!("{}/{}/{}", inbound.key.adapter, inbound.key.account, inbound.key.id),
        Event::Receipt(receipt) => {
            format!("{:?}/{:?}/{}/{}/{}", receipt.reply, receipt.platform_id, receipt.account, receipt.state.as_str(), at(receipt.at))
        }
        Event::Receipts { receipts } => format!("{} receipts", receipts.len()),
        Event::OptOut { address } => format!("opt-out {address}"),
        Event::OptIn { address } => format!("opt-in {address}"),
        Event::Moved { from, to, at, .. } => {
            let addresses: Vec<String> = from.iter().chain(to).map(ToString::to_string).collect();
            format!("moved {} {at}", addresses.join(" "))
        }
        Event::Notice(notice) => format!("notice {} {} {} {}", notice.account, notice.subject, notice.word, notice.at),
        Event::Withdrawn { key, .. } => format!("withdrawn {}/{}/{}", key.adapter, key.account, key.id),
    };
    parsed.iter().flatten().map(key).collect()
}

/// What the core could not take, whatever the platform sent.
pub(crate) fn flaw(name: &AdapterName, event: &Event) -> Option<String> {
    let inbound = match event {
        Event::Message(inbound) => inbound,
        Event::Receipt(receipt) if receipt.adapter != *name => return Some("a receipt under another adapter's name".to_owned()),
        Event::Receipt(receipt) if receipt.reply.is_none() && receipt.platform_id.is_none() => {
            return Some("a receipt that names no reply".to_owned());
        }
        Event::Receipts { .. } => return Some("receipts in a bundle: the SDK makes those".to_owned()),
        Event::Moved { adapter, .. } if adapter != name => return Some("a move under another adapter's name".to_owned()),
        Event::Moved { from, to, .. } if from.is_empty() || to.is_empty() => return Some("a move from or to nowhere".to_owned()),
        Event::Notice(notice) if notice.adapter != *name => return Some("a notice under another adapter's name".to_owned()),
        Event::Withdrawn { key, .. } if key.adapter != *name => return Some("a withdrawal under another adapter's name".to_owned()),
        Event::Receipt(_)
        | Event::OptOut { .. }
        | Event::OptIn { .. }
        | Event::Moved { .. }
        | Event::Notice(_)
        | Event::Withdrawn { .. } => return None,
    };
    let key = &inbound.key;
    match () {
        () if key.adapter != *name => Some("a message under another adapter's name".to_owned()),
        () if key.id.is_empty() || key.id.len() > LONGEST_KEY => Some(format!("a message whose id has {} bytes", key.id.len())),
        () if key.account.is_empty() => Some("a message without an account of ours".to_owned()),
        () if inbound.sender.is_empty() => Some("a message without a sender".to_owned()),
        () if inbound.reference != Reference::of(key, 0) => Some("a message whose number is not made of its key".to_owned()),
        () => None,
    }
}

/// An error with its causes and its `Debug`: all that could be shown of it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        let _ = write!(text, ": {error}");
        next = error.source();
    }
    text
}

/// Without white space, which a split may change.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    format!("http://{}", listener.local_addr().expect("a bound socket has an address"))
}
