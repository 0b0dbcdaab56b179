//! Every rule, broken by an adapter that is otherwise good: a test that cannot fail is none.

mod post;
mod tiny;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use adapter_sdk::{Answer, Request};
use adapter_testkit::{Canned, Contract, FakePlatform, Fixture, Probe, Refusal, TestDoor, Wanted};
use tiny::{Fault, Tiny};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn contract() -> Contract {
    Contract {
        config: |platform| format!("api = '{platform}'\ntoken = '{}'\nword = '{}'\n", tiny::TOKEN, tiny::WORD),
        fixtures: FIXTURES,
        signed: |request| vec![("x-signature".into(), tiny::signature(&request.body))],
        word_only: false,
        handshake: Some(handshake),
        secrets: &[tiny::TOKEN, tiny::WORD],
        ignored: &["echo"],
        unparsable: &["nonsense"],
        public: &["post"],
        reply: Some(tiny::reply),
        accepts: || Canned::json(200, r#"{"id":"m1"}"#),
        refusals: || {
            vec![
                Refusal { answer: Canned::json(400, r#"{"error":"no_such_user"}"#), wanted: Wanted::Rejected("no_such_user".into()) },
                Refusal { answer: Canned::json(403, r#"{"error":"blocked"}"#), wanted: Wanted::OptedOut },
            ]
        },
        text_limit: Some(50),
        offers: |platform| platform.at("/new/kota/0", Canned::json(200, r#"{"id":"a","text":"polled"}"#)),
        probe: Some(Probe {
            healthy: |platform| platform.always(Canned::json(200, r#"{"name":"kota"}"#)),
            broken: &[|platform| platform.always(Canned::status(403))],
        }),
        bare: None,
        elsewhere: None,
        sent_text: |seen| serde_json::from_slice::<serde_json::Value>(&seen.body).ok()?["text"].as_str().map(str::to_owned),
    }
}

fn handshake() -> (Request, Answer) {
    let request = Request::recorded(format!("GET /webhook?word={}&challenge=42\n\n", tiny::WORD).as_bytes()).expect("a request");
    (request, Answer::text("42"))
}

/// What a suite says of a broken adapter. It is given a copy of the fixtures: a snapshot that differs is written down beside its fixture,
/// and nobody shall accept these.
fn said(suite: impl FnOnce(Contract)) -> String {
    let folder = tempfile::TempDir::new().expect("a folder");
    for entry in std::fs::read_dir(FIXTURES).expect("fixtures") {
        let path = entry.expect("a fixture").path();
        std::fs::copy(&path, folder.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    said_in(folder.path(), suite)
}

fn said_in(folder: &Path, suite: impl FnOnce(Contract)) -> String {
    let fixtures = Box::leak(folder.to_str().expect("a path").to_owned().into_boxed_str());
    let contract = Contract { fixtures, ..contract() };
    let panic = catch_unwind(AssertUnwindSafe(|| suite(contract))).expect_err("the broken adapter must not pass");
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).expect("a message")
}

/// Each finding's number, without repetitions.
fn rules(said: &str) -> Vec<&str> {
    let mut rules: Vec<&str> =
        said.lines().filter_map(|line| line.split_once(": ")).map(|(rule, _)| rule).filter(|rule| rule.starts_with('C')).collect();
    rules.dedup();
    rules
}

macro_rules! breaks {
    ($($name:ident: $suite:ident of $fault:ident breaks $($rule:literal),+;)+) => {$(
        #[test]
        fn $name() {
            let said = said(adapter_testkit::$suite::<Tiny<{ Fault::$fault as u8 }>>);
            assert_eq!(rules(&said), [$($rule),+], "{said}");
        }
    )+};
}

#[test]
fn a_good_adapter_keeps_every_rule_as_each_kind() {
    adapter_testkit::webhook::<Tiny<{ Fault::None as u8 }>>(contract());
    adapter_testkit::poll::<Tiny<{ Fault::None as u8 }>>(contract());
    adapter_testkit::pages::<Tiny<{ Fault::None as u8 }>>(contract());
}

breaks! {
    events_that_differ_each_time: webhook of Counting breaks "C1", "C11";
    keys_made_of_the_time: webhook of KeyOfTheTime breaks "C2", "C11";
    keys_under_another_name: webhook of AnotherName breaks "C2", "C3", "C11";
    a_panic_on_odd_bytes: webhook of Panics breaks "C3";
    a_door_for_everyone: webhook of BelievesAll breaks "C4", "C5";
    a_door_that_compares_the_beginning: webhook of ComparesTheBeginning breaks "C4";
    a_door_that_signs_nothing_of_the_body: webhook of SignsNoBody breaks "C4";
    a_handshake_that_is_not_answered: webhook of NoHandshake breaks "C5";
    a_handshake_for_everyone: webhook of HandshakeForAll breaks "C5";
    a_poll_that_moves_by_itself: poll of PollMoves breaks "C6";
    a_poll_that_marks_as_read: poll of PollWrites breaks "C6";
    a_poll_that_stands_still: poll of PollRepeats breaks "C6";
    a_busy_platform_taken_for_a_no: webhook of BusyIsNo breaks "C7";
    a_broken_platform_taken_for_a_no: webhook of BrokenIsNo breaks "C7";
    silence_taken_for_a_no: webhook of SilenceIsNo breaks "C7";
    an_opt_out_that_is_tried_again: webhook of OptOutIsLater breaks "C7";
    a_text_that_is_cut: webhook of Cuts breaks "C8";
    a_text_in_the_wrong_order: webhook of Reverses breaks "C8";
    a_text_over_the_limit: webhook of SendsAll breaks "C8";
    a_secret_in_an_error: webhook of SecretInError breaks "C9";
    a_secret_in_the_log: webhook of SecretInLog breaks "C9";
    a_citizens_words_in_the_log: webhook of WordsInLog breaks "C9";
    a_default_that_does_not_parse: webhook of WrongDefaults breaks "C10";
    an_open_that_calls_the_platform: webhook of OpenCalls breaks "C10";
    pages_that_need_the_bus: pages of PagesNeedTheBus breaks "C10";
    a_file_fetched_past_the_limits: webhook of FetchesAnything breaks "C11";
    a_post_taken_for_a_private_word: webhook of EverythingIsPrivate breaks "C11";
    an_echo_taken_for_a_message: webhook of TakesEchoes breaks "C11", "C12";
    two_events_with_one_key: webhook of TwoAlike breaks "C2", "C11";
    a_number_that_is_not_made_of_the_key: webhook of NumberOfItsOwn breaks "C2", "C3", "C11";
    keys_of_any_length: webhook of AnyKey breaks "C3";
    messages_without_a_sender: webhook of NobodyWrote breaks "C2", "C3", "C11";
    a_poll_of_no_account: poll of NoAccounts breaks "C6";
    a_pause_that_the_platform_asked_for_and_nobody_keeps: webhook of ForgetsHowLong breaks "C7";
    a_text_that_is_rejected_after_its_beginning_was_sent: webhook of RejectsHalfway breaks "C8";
    a_citizens_address_in_an_error: webhook of AddressInError breaks "C9";
    our_words_in_an_error: webhook of WordsInError breaks "C9";
    a_citizens_address_in_the_log: webhook of AddressInLog breaks "C9";
    an_open_that_needs_a_runtime: webhook of NeedsARuntime breaks "C10";
    a_default_door_to_the_world: webhook of DoorToTheWorld breaks "C10";
    a_silent_platform_taken_for_a_lost_file: webhook of SilentFileIsGone breaks "C11";
    a_probe_that_is_always_content: webhook of ProbeSaysFine breaks "C13";
    a_probe_that_says_nothing: webhook of ProbeSaysNothing breaks "C13";
    a_probe_that_is_never_content: webhook of ProbeAlwaysWrong breaks "C13";
    a_probe_that_writes: webhook of ProbeWrites breaks "C13";
    a_probe_that_does_not_say_what_to_do: webhook of ProbeAdvisesNothing breaks "C13";
    a_probe_that_tells_the_secret: webhook of ProbeTellsTheSecret breaks "C9";
    a_probe_that_never_ends: webhook of ProbeNeverEnds breaks "C13";
}

#[test]
fn a_key_that_nobody_knows_is_a_broken_c10_where_it_is_taken_in_silence() {
    let said = said(adapter_testkit::webhook::<tiny::Lax>);
    assert_eq!(rules(&said), ["C10"], "{said}");
}

#[test]
fn a_fixture_without_its_snapshot_and_a_snapshot_without_its_fixture_break_c11() {
    let folder = tempfile::TempDir::new().expect("a folder");
    for name in ["text.http", "text.snap", "post.http", "post.snap", "echo.http", "echo.snap", "nonsense.http", "nonsense.snap"] {
        std::fs::copy(Path::new(FIXTURES).join(name), folder.path().join(name)).expect("a copy");
    }
    std::fs::remove_file(folder.path().join("text.snap")).expect("a snapshot");
    std::fs::write(folder.path().join("left-over.snap"), "").expect("a snapshot");
    let said = said_in(folder.path(), adapter_testkit::webhook::<Tiny<{ Fault::None as u8 }>>);
    assert_eq!(rules(&said), ["C11"], "{said}");
    assert!(said.contains("text differs") && said.contains("left-over has no fixture"), "{said}");
}

#[test]
fn a_probe_that_the_contract_does_not_try_is_a_broken_c13() {
    let untried = said(|contract| adapter_testkit::webhook::<Tiny<{ Fault::None as u8 }>>(Contract { probe: None, ..contract }));
    assert_eq!(rules(&untried), ["C13"], "{untried}");
}

#[test]
fn a_contract_that_shows_too_little_is_refused() {
    let nothing_signed =
        said(|contract| adapter_testkit::webhook::<Tiny<{ Fault::None as u8 }>>(Contract { signed: |_| Vec::new(), ..contract }));
    assert_eq!(rules(&nothing_signed), ["C4"], "{nothing_signed}");
    let no_refusal = said(|contract| adapter_testkit::webhook::<Tiny<{ Fault::None as u8 }>>(Contract { refusals: Vec::new, ..contract }));
    assert_eq!(rules(&no_refusal), ["C7"], "{no_refusal}");
    let no_fixture = said(|contract| adapter_testkit::webhook::<Tiny<{ Fault::None as u8 }>>(Contract { ignored: &["ecco"], ..contract }));
    assert_eq!(rules(&no_fixture), ["C11"], "{no_fixture}");
}

#[tokio::test]
async fn the_fake_platform_answers_as_it_was_told() {
    let platform = FakePlatform::start().await;
    let http = adapter_sdk::Http::new(adapter_sdk::outgoing::Limits { allow_private: true, ..Default::default() }).expect("a client");
    let status = async |path: &str| http.get(&format!("{}{path}", platform.url())).send().await.expect("an answer").status.as_u16();
    platform.always(Canned::status(500));
    platform.at("/a", Canned::status(201));
    platform.at("/a/b", Canned::status(202));
    platform.next(Canned::status(418));
    let answers = [status("/a").await, status("/a").await, status("/a/b/c").await, status("/else").await];
    assert_eq!(answers, [418, 201, 202, 500]);
    assert_eq!(platform.seen().iter().map(|seen| seen.path.clone()).collect::<Vec<_>>(), ["/a", "/a", "/a/b/c", "/else"]);
    platform.always(Canned::json(200, r#"{"url":"{platform}/x"}"#));
    platform.forget();
    platform.always(Canned::json(200, r#"{"url":"{platform}/x"}"#));
    let answer = http.get(platform.url()).send().await.expect("an answer");
    assert_eq!(answer.body, format!(r#"{{"url":"{}/x"}}"#, platform.url()));
}

#[tokio::test]
async fn a_test_door_keeps_what_it_takes_and_says_when_it_is_full() {
    let door = TestDoor::limited(&"tiny".parse().expect("a name"), 1000, 2000);
    door.door().submit("one".into(), vec![("A".into(), "b".into())]).await.expect("room");
    let taken = door.taken().await;
    assert_eq!((taken.len(), taken[0].header("a")), (1, Some("b")));
    assert!(door.door().submit(vec![0; 1001].into(), Vec::new()).await.is_err());
    door.door().submit(vec![0; 900].into(), Vec::new()).await.expect("room");
    assert!(door.door().submit(vec![0; 900].into(), Vec::new()).await.is_err());
    assert_eq!(door.taken().await.len(), 1);
}

#[test]
fn fixtures_are_read_in_the_order_of_their_names() {
    let names: Vec<String> = Fixture::all(Path::new(FIXTURES), None).into_iter().map(|fixture| fixture.name).collect();
    assert_eq!(names, ["echo", "nonsense", "post", "text"]);
}
