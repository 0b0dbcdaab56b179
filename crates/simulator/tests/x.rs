//! The adapter for X against X as it is played here: signatures, windows, gaps, edits, deletions, money, and answers that go out once.

use std::{collections::BTreeMap, time::Duration};

use adapter_sdk::{
    Adapter, Audience, Batch, Content, Event, FetchError, Finding, Http, Inbound, Language, Poll, Raw, RemoteMedia, Reply, ReplyId,
    ReplyKind, ReplyTo, SendError, Settings, State, Timestamp, TraceId, outgoing::Limits,
};
use adapter_x::X;
use jiff::SignedDuration;
use simulator::x::{Draft, XEndpoint, XFault, XOptions, XPlatform};
use tempfile::TempDir;

const US: &str = "1000000000000000001";

/// The adapter with its folder, as a process has it.
struct City {
    platform: XPlatform,
    folder: TempDir,
    adapter: X,
    cursor: Option<Vec<u8>>,
}

/// What a city sets up differently.
#[derive(Default)]
struct Wishes {
    platform: Option<XOptions>,
    /// More lines of the account.
    account: &'static str,
    /// More lines of the table `[adapter]`.
    adapter: &'static str,
    oauth2: bool,
}

const PLAIN: &str = "settle = '0s'\nbegin = '1h'\nbudget = { monthly = 0.0, for_answers = 0.25 }\n";

impl City {
    async fn start() -> Self {
        Self::with(Wishes::default()).await
    }

    async fn with(wishes: Wishes) -> Self {
        let platform = XPlatform::start_with(wishes.platform.clone().unwrap_or_default()).await.expect("a port");
        let folder = TempDir::new().expect("a folder");
        let adapter = open(&platform, &folder, &wishes);
        Self { platform, folder, adapter, cursor: None }
    }

    /// The process ends, and another begins where it left.
    fn restart(&mut self, wishes: &Wishes) {
        self.adapter = open(&self.platform, &self.folder, wishes);
    }

    async fn look(&mut self) -> Result<Batch, FetchError> {
        let batch = self.adapter.poll(US, self.cursor.clone()).await?;
        if let Some(cursor) = &batch.cursor {
            self.cursor = Some(cursor.clone());
        }
        Ok(batch)
    }

    /// Looks until there is no more, and gives everything that was found.
    async fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..50 {
            let batch = self.look().await.expect("the platform answers");
            events.extend(self.parsed(&batch));
            if !batch.more {
                return events;
            }
        }
        panic!("looking does not end")
    }

    fn parsed(&self, batch: &Batch) -> Vec<Event> {
        let raw = |item: &adapter_sdk::Item| Raw {
            adapter: "x".parse().expect("a name"),
            received_at: self.platform.now(),
            trace: TraceId::random(),
            query: String::new(),
            headers: item.headers.clone(),
            body: item.body.clone(),
        };
        batch.items.iter().flat_map(|item| self.adapter.parse(&raw(item)).expect("what the platform sends is read")).collect()
    }

    async fn messages(&mut self) -> Vec<Inbound> {
        self.events()
            .await
            .into_iter()
            .filter_map(|event| if let Event::Message(inbound) = event { Some(*inbound) } else { None })
            .collect()
    }

    async fn only(&mut self) -> Inbound {
        let mut messages = self.messages().await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0)
    }
}

fn open(platform: &XPlatform, folder: &TempDir, wishes: &Wishes) -> X {
    let keys = XOptions::default().keys;
    let secrets = if wishes.oauth2 {
        "client_id = 'simulator-client'\nrefresh_token = 'simulator-refresh'\n".to_owned()
    } else {
        let [key, secret, token, token_secret] = &keys;
        format!("consumer_key = '{key}'\nconsumer_secret = '{secret}'\naccess_token = '{token}'\naccess_token_secret = '{token_secret}'\n")
    };
    let more = if wishes.adapter.is_empty() { PLAIN } else { wishes.adapter };
    let text = format!(
        "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\napi_url = '{}'\nstate_folder = '{}'\n{more}\
         [[adapter.accounts]]\nuser_id = '{US}'\nusername = 'lapor_contoh'\n{secrets}{}\n",
        platform.url,
        folder.path().join("state").display(),
        wishes.account,
    );
    let settings = Settings::layered(&[X::DEFAULTS, &text]).expect("a configuration");
    let limits = Limits { total: Duration::from_millis(1500), ..Limits::default() };
    X::open(settings.adapter, Http::new(limits).expect("a client")).expect("an adapter")
}

fn reply_to(inbound: &Inbound, text: &str) -> Reply {
    reply(inbound.reply_to.clone().expect("there is a way back"), text)
}

fn reply(to: ReplyTo, text: &str) -> Reply {
    Reply {
        id: ReplyId::new(now()),
        to,
        kind: ReplyKind::Received,
        language: Language::Id,
        text: text.into(),
        short: Vec::new(),
        params: BTreeMap::new(),
        menu: None,
        files: Vec::new(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is the process")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn rejected(sent: &Result<adapter_sdk::Sent, SendError>) -> &str {
    match sent {
        Err(SendError::Rejected { code, .. }) => code,
        other => panic!("not rejected: {other:?}"),
    }
}

const WITH_HASHTAG: Wishes = Wishes { platform: None, account: "hashtags = ['LAPORCONTOH']", adapter: "", oauth2: false };
const WITH_DIRECT: Wishes = Wishes { platform: None, account: "direct_messages = true", adapter: "", oauth2: false };

#[tokio::test]
async fn a_mention_is_read_once_with_everything_that_belongs_to_it_and_answered_below_it() {
    let mut city = City::start().await;
    let photo = bytes::Bytes::from_static(b"\xFF\xD8\xFF\xE0 a photo");
    let post = city.platform.post(
        "sari",
        Draft {
            text: "@lapor_contoh jalan rusak & bahaya <parah>".into(),
            photo: Some((photo.clone(), "Lubang besar di aspal".into())),
            place: Some((106.8272, -6.1751, "Gambir, Contoh".into())),
            ..Draft::default()
        },
    );
    let inbound = city.only().await;
    assert_eq!((inbound.key.account.as_str(), inbound.key.id.as_str()), (US, post.as_str()));
    assert_eq!(inbound.text, "@lapor_contoh jalan rusak & bahaya <parah>\n\n[Lubang besar di aspal]");
    assert_eq!(inbound.sender_name.as_deref(), Some("Warga sari (@sari)"));
    assert_eq!(inbound.place.as_deref(), Some("Gambir, Contoh"));
    assert_eq!(inbound.location.map(|point| (point.lat, point.lon)), Some((-6.1751, 106.8272)));
    assert_eq!(inbound.audience, Audience::Public);
    let adapter_sdk::Content::Remote(media) = &inbound.attachments[0].content else { panic!("a photo") };
    assert_eq!(city.adapter.fetch(media).await.expect("the photo"), photo);
    assert!(city.messages().await.is_empty(), "nothing comes twice");

    let sent = city.adapter.send(&reply_to(&inbound, "Laporan Anda kami catat dengan nomor 7KQ2-M4XT-9PCH.")).await.expect("sent");
    let answers = city.platform.answers(&post);
    assert_eq!(answers.len(), 1);
    assert_eq!(sent.platform_id.as_deref(), Some(answers[0].id.as_str()));
    assert_eq!(answers[0].text, "Laporan Anda kami catat dengan nomor 7KQ2-M4XT-9PCH.");
    assert!(city.messages().await.is_empty(), "our own answer is no complaint");
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_its_signature_and_a_wrong_clock_too() {
    let keys =
        XOptions { keys: ["simulator-key", "another secret", "1000000000000000001-simulator", "x"].map(Into::into), ..XOptions::default() };
    let mut city = City::with(Wishes { platform: Some(keys), ..Wishes::default() }).await;
    assert!(matches!(city.look().await, Err(FetchError::Later(_))));
    let mut city = City::start().await;
    city.platform.move_clock(SignedDuration::from_mins(10));
    assert!(matches!(city.look().await, Err(FetchError::Later(_))));
    city.platform.move_clock(SignedDuration::ZERO);
    city.look().await.expect("the same request with a right clock");
}

#[tokio::test]
async fn many_pages_are_read_without_a_gap_the_oldest_first() {
    let mut city = City::start().await;
    let posts: Vec<String> = (0..1250).map(|n| city.platform.post("sari", format!("@lapor_contoh lubang nomor {n}").as_str())).collect();
    let read: Vec<String> = city.messages().await.into_iter().map(|inbound| inbound.key.id).collect();
    // The timeline holds the newest 800 only, and says nothing of the others.
    assert!(read == posts[450..], "{} read", read.len());
    let more: Vec<String> = (0..250).map(|n| city.platform.post("budi", format!("@lapor_contoh lampu nomor {n}").as_str())).collect();
    let read: Vec<String> = city.messages().await.into_iter().map(|inbound| inbound.key.id).collect();
    assert!(read == more, "{} read", read.len());
}

#[tokio::test]
async fn a_look_that_is_stopped_in_the_middle_goes_on_where_it_was_also_after_a_restart() {
    let options = XOptions { window: Some(3), ..XOptions::default() };
    let mut city = City::with(Wishes { platform: Some(options), ..Wishes::default() }).await;
    let posts: Vec<String> = (0..450).map(|n| city.platform.post("sari", format!("@lapor_contoh lubang nomor {n}").as_str())).collect();
    let first = city.look().await.expect("three pages");
    assert_eq!(first.items.len(), 300);
    assert!(matches!(city.look().await, Err(FetchError::Throttled(Some(wait))) if wait > Duration::from_mins(10)), "until the window ends");
    let asked = city.platform.requests(XEndpoint::Mentions);
    assert!(matches!(city.look().await, Err(FetchError::Throttled(Some(_)))));
    assert_eq!(city.platform.requests(XEndpoint::Mentions), asked, "a closed window is not knocked at");
    let newer = city.platform.post("budi", "@lapor_contoh yang terbaru");
    city.platform.move_clock(SignedDuration::from_mins(4));
    city.restart(&Wishes::default());
    city.platform.change_window(None);
    let mut read: Vec<String> = city.parsed(&first).iter().filter_map(id).collect();
    read.extend(city.messages().await.into_iter().map(|inbound| inbound.key.id));
    read.extend(city.messages().await.into_iter().map(|inbound| inbound.key.id));
    read.sort();
    let mut all = posts;
    all.push(newer);
    all.sort();
    assert!(read == all, "each once: {} read of {}", read.len(), all.len());
}

fn id(event: &Event) -> Option<String> {
    if let Event::Message(inbound) = event { Some(inbound.key.id.clone()) } else { None }
}

#[tokio::test]
async fn the_cursor_outlives_the_deletion_of_its_post_and_a_search_that_reaches_too_far_back() {
    let mut city = City::with(WITH_HASHTAG).await;
    let first = city.platform.post("sari", "@lapor_contoh satu");
    let tagged = city.platform.post("budi", "#LAPORCONTOH dua");
    assert_eq!(city.messages().await.len(), 2);
    city.platform.delete(&first);
    city.platform.delete(&tagged);
    let second = city.platform.post("sari", "@lapor_contoh tiga");
    assert_eq!(city.only().await.key.id, second);
    // Eight days of silence: the adapter's cursor is older than the search reaches.
    let old = serde_json::json!({ "mentions": { "since": "1000000000000000000" }, "hashtags": { "since": "1000000000000000000" } });
    city.cursor = Some(old.to_string().into_bytes());
    let again = city.platform.post("budi", "#LAPORCONTOH empat");
    let read: Vec<String> = city.messages().await.into_iter().map(|inbound| inbound.key.id).collect();
    assert!(read.contains(&again), "{read:?}");
}

#[tokio::test]
async fn a_hashtag_alone_is_a_complaint_that_a_self_serve_app_must_not_answer_in_public() {
    let mut city = City::with(WITH_HASHTAG).await;
    let post = city.platform.post("sari", "#LAPORCONTOH lampu mati");
    city.platform.repost("budi", &post);
    let inbound = city.only().await;
    let sent = city.adapter.send(&reply_to(&inbound, "Terima kasih")).await;
    assert_eq!(rejected(&sent), "not_mentioned");
    assert_eq!(city.platform.requests(XEndpoint::Post), 0, "what X forbids is not tried");

    let both = city.platform.post("sari", "@lapor_contoh #LAPORCONTOH lampu mati lagi");
    let found = city.messages().await;
    assert!(found.len() == 2 && found.iter().all(|inbound| inbound.key.id == both), "found in two ways, under one key");
    assert_eq!(found[0].reply_to, found[1].reply_to);
    city.adapter.send(&reply_to(&found[0], "Terima kasih")).await.expect("who mentions us is answered");
}

#[tokio::test]
async fn an_edit_names_what_it_changes_and_a_reply_its_conversation() {
    let mut city = City::start().await;
    let post = city.platform.post("sari", "@lapor_contoh jalan rusak");
    city.only().await;
    let edited = city.platform.edit(&post, "@lapor_contoh jalan rusak di Jl. Contoh 5");
    let inbound = city.only().await;
    assert_eq!(inbound.key.id, edited);
    assert_eq!(inbound.replaces.map(|key| key.id), Some(post.clone()));
    let more = city.platform.post("sari", Draft { text: "depan pasar".into(), answers: Some(edited.clone()), ..Draft::default() });
    let inbound = city.only().await;
    assert_eq!((inbound.key.id, inbound.in_reply_to, inbound.thread), (more, Some(edited.clone()), Some(post)));
    // Others talk below it: X repeats our name for them.
    city.platform.post("budi", Draft { text: "wah parah".into(), answers: Some(edited), ..Draft::default() });
    assert!(city.messages().await.is_empty());
}

#[tokio::test]
async fn what_was_deleted_or_hidden_is_noticed_at_the_next_look_of_its_age() {
    let wishes = Wishes {
        adapter: "settle = '0s'\nbegin = '60h'\nlook_again = ['24h', '48h']\nbudget = { monthly = 0.0, for_answers = 0.25 }\n",
        ..Wishes::default()
    };
    let mut city = City::with(wishes).await;
    let old = |hours: i64, text: &str| Draft {
        text: text.into(),
        at: Some(city.platform.now() - SignedDuration::from_hours(hours)),
        ..Draft::default()
    };
    let (young, day, days) = (old(1, "@lapor_contoh a"), old(30, "@lapor_contoh b"), old(50, "@lapor_contoh c"));
    let young = city.platform.post("sari", young);
    let (day, hidden) = (city.platform.post("sari", day), city.platform.post("budi", days));
    // The first look finds them; a look-up is due for two of them at once, and they are still there.
    assert_eq!(city.events().await.len(), 3);
    assert_eq!(city.platform.requests(XEndpoint::Lookup), 1);
    city.events().await;
    assert_eq!(city.platform.requests(XEndpoint::Lookup), 1, "not at every look");
    city.platform.delete(&young);
    city.platform.delete(&day);
    city.platform.protect("budi");
    assert!(city.events().await.is_empty(), "not yet: the next age is 24 and 48 hours");
    // What was looked up twice is not watched any more; `hidden` was 50 hours old at the first look.
    let watched = String::from_utf8(city.cursor.clone().expect("a cursor")).expect("JSON");
    assert!(watched.contains(&young) && watched.contains(&day) && !watched.contains(&hidden), "{watched}");
}

#[tokio::test]
async fn a_deleted_post_becomes_a_withdrawal_under_its_own_key() {
    let wishes = Wishes {
        adapter: "settle = '0s'\nbegin = '60h'\nlook_again = ['24h']\nbudget = { monthly = 0.0, for_answers = 0.25 }\n",
        ..Wishes::default()
    };
    let mut city = City::with(wishes).await;
    let at = city.platform.now() - SignedDuration::from_mins(24 * 60 - 1);
    let gone = city.platform.post("sari", Draft { text: "@lapor_contoh a".into(), at: Some(at), ..Draft::default() });
    let stays = city.platform.post("sari", Draft { text: "@lapor_contoh b".into(), at: Some(at), ..Draft::default() });
    assert_eq!(city.events().await.len(), 2);
    city.platform.delete(&gone);
    // A minute later, as the cursor tells it: the watched posts become old enough.
    let cursor = String::from_utf8(city.cursor.clone().expect("a cursor")).expect("JSON");
    let older = |id: &str| (id.parse::<u64>().expect("a number") - (120_000_u64 << 22)).to_string();
    city.platform.rename(&gone, &older(&gone));
    city.platform.rename(&stays, &older(&stays));
    city.cursor = Some(
        cursor
            .replace(&format!("[\"{gone}\""), &format!("[\"{}\"", older(&gone)))
            .replace(&format!("[\"{stays}\""), &format!("[\"{}\"", older(&stays)))
            .into_bytes(),
    );
    let events = city.events().await;
    let [Event::Withdrawn { key, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((key.account.as_str(), key.id.as_str()), (US, older(&gone).as_str()));
    assert!(city.events().await.is_empty());
}

#[tokio::test]
async fn a_direct_message_is_private_and_answered_directly_with_the_link() {
    let mut city = City::with(WITH_DIRECT).await;
    let link = "https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA";
    let message = city.platform.direct("sari", "Nomor 7KQ2-M4XT-9PCH, alamatnya Jl. Contoh 5");
    let inbound = city.only().await;
    assert_eq!((inbound.key.id, inbound.audience), (format!("direct:{message}"), Audience::Private));
    let to = inbound.reply_to.expect("a way back");
    let sent = city.adapter.send(&reply(to.clone(), &format!("Pantau di sini: {link}"))).await.expect("sent");
    let said = city.platform.directs_to("sari");
    assert!(said.len() == 1 && said[0].text.contains(link), "{said:?}");
    assert_eq!(sent.platform_id, Some(format!("direct:{}", said[0].id)));
    assert!(city.messages().await.is_empty(), "neither the old one nor our own");
    assert!(city.platform.posted().is_empty());

    let stranger = ReplyTo { address: format!("x:{}", city.platform.user("budi")).parse().expect("an address"), ..to };
    assert_eq!(rejected(&city.adapter.send(&reply(stranger, "Halo")).await), "direct_closed");
}

#[tokio::test]
async fn a_photo_of_a_direct_message_is_had_at_the_api_with_our_keys_and_nowhere_else() {
    for oauth2 in [false, true] {
        let mut city = City::with(Wishes { oauth2, ..WITH_DIRECT }).await;
        city.platform.direct_photo("sari", "fotonya", vec![0xFF, 0xD8, 7]);
        let inbound = city.only().await;
        let Content::Remote(media) = &inbound.attachments[0].content else { panic!("{inbound:?}") };
        assert_eq!(city.adapter.fetch(media).await.expect("the file"), vec![0xFF, 0xD8, 7]);
        let other = RemoteMedia { id: media.id.replace("foto_", "lain_"), ..media.clone() };
        assert!(matches!(city.adapter.fetch(&other).await, Err(FetchError::Gone(_))));
        assert_eq!(city.platform.requests(XEndpoint::Media), 0, "no address from a message is told our keys");
    }
}

#[tokio::test]
async fn a_private_reply_is_never_said_below_a_post() {
    let mut city = City::start().await;
    let post = city.platform.post("sari", "@lapor_contoh jalan rusak");
    let to = ReplyTo { audience: Audience::Private, ..city.only().await.reply_to.expect("a way back") };
    assert_eq!(rejected(&city.adapter.send(&reply(to, "https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA")).await), "no_direct_messages");
    assert!(city.platform.answers(&post).is_empty());
}

#[tokio::test]
async fn an_answer_whose_fate_is_unknown_goes_out_once_also_after_a_restart() {
    for fault in [XFault::Lost, XFault::Wrong, XFault::Broken, XFault::Silent] {
        let mut city = City::start().await;
        let post = city.platform.post("sari", "@lapor_contoh jalan rusak");
        let answer = reply_to(&city.only().await, "Laporan Anda kami catat & kami teruskan: 7KQ2-M4XT-9PCH.");
        city.platform.fail(XEndpoint::Post, fault, Some(1));
        assert!(matches!(city.adapter.send(&answer).await, Err(SendError::Unreachable(_))), "{fault:?}");
        city.restart(&Wishes::default());
        let sent = city.adapter.send(&answer).await.unwrap_or_else(|error| panic!("{fault:?}: {error:?}"));
        let answers = city.platform.answers(&post);
        assert_eq!(answers.len(), 1, "{fault:?}");
        assert_eq!(sent.platform_id.as_deref(), Some(answers[0].id.as_str()));
        assert_eq!(city.platform.requests(XEndpoint::OwnPosts), 1, "looked first");
        let again = city.adapter.send(&answer).await.expect("sent already");
        assert_eq!(again, sent);
        assert_eq!(city.platform.answers(&post).len(), 1);
    }
}

#[tokio::test]
async fn a_direct_answer_whose_fate_is_unknown_goes_out_once() {
    let mut city = City::with(WITH_DIRECT).await;
    city.platform.direct("sari", "halo, jalan rusak");
    let answer = reply_to(&city.only().await, "Nomor 7KQ2-M4XT-9PCH. https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA");
    city.platform.fail(XEndpoint::DirectSend, XFault::Lost, Some(1));
    assert!(matches!(city.adapter.send(&answer).await, Err(SendError::Unreachable(_))));
    city.adapter.send(&answer).await.expect("found");
    assert_eq!(city.platform.directs_to("sari").len(), 1);
}

#[tokio::test]
async fn a_young_answer_whose_fate_is_unknown_waits_until_the_platform_may_show_it() {
    let wishes = Wishes { adapter: "settle = '30s'\nbegin = '1h'\n", ..Wishes::default() };
    let mut city = City::with(wishes).await;
    let post = city.platform.post("sari", "@lapor_contoh jalan rusak");
    let answer = reply_to(&city.only().await, "Terima kasih");
    city.platform.fail(XEndpoint::Post, XFault::Lost, Some(1));
    assert!(city.adapter.send(&answer).await.is_err());
    let again = city.adapter.send(&answer).await;
    assert!(matches!(again, Err(SendError::Throttled(Some(wait))) if wait <= Duration::from_secs(30)), "{again:?}");
    assert_eq!(city.platform.answers(&post).len(), 1);
}

#[tokio::test]
async fn a_long_answer_is_a_thread_in_order_and_goes_on_where_it_stopped() {
    let mut city = City::start().await;
    let post = city.platform.post("sari", "@lapor_contoh jalan rusak");
    let words: Vec<String> = (0..120).map(|n| format!("kata{n}")).collect();
    let answer = reply_to(&city.only().await, &words.join(" "));
    city.platform.fail(XEndpoint::OwnPosts, XFault::Broken, Some(1));
    city.platform.fail_after(XEndpoint::Post, 1, XFault::Lost, 1);
    assert!(city.adapter.send(&answer).await.is_err(), "the second part is lost");
    assert!(city.adapter.send(&answer).await.is_err(), "looking fails");
    city.adapter.send(&answer).await.expect("the rest");
    let answers = city.platform.answers(&post);
    assert!(answers.len() >= 3);
    let said: Vec<&str> = answers.iter().flat_map(|said| said.text.split(' ')).collect();
    assert_eq!(said, words);
    for two in answers.windows(2) {
        assert_eq!(two[1].answers.as_deref(), Some(two[0].id.as_str()), "each below the one before");
    }
}

#[tokio::test]
async fn refusals_become_what_can_be_done_about_them() {
    let mut city = City::start().await;
    let post = city.platform.post("sari", "@lapor_contoh jalan rusak");
    let to = city.only().await.reply_to.expect("a way back");
    city.adapter.send(&reply(to.clone(), "Terima kasih")).await.expect("sent");
    assert_eq!(rejected(&city.adapter.send(&reply(to.clone(), "Terima kasih")).await), "duplicate");
    city.platform.fail(XEndpoint::Post, XFault::NoCredits, Some(1));
    assert!(matches!(city.adapter.send(&reply(to.clone(), "a")).await, Err(SendError::Throttled(Some(_)))));
    city.platform.fail(XEndpoint::Post, XFault::NotEnrolled, Some(1));
    assert!(matches!(city.adapter.send(&reply(to.clone(), "b")).await, Err(SendError::Unreachable(_))));
    city.platform.fail(XEndpoint::Post, XFault::TooMany(120), Some(1));
    let throttled = city.adapter.send(&reply(to.clone(), "c")).await;
    assert!(
        matches!(throttled, Err(SendError::Throttled(Some(wait))) if wait >= Duration::from_secs(110) && wait <= Duration::from_secs(121)),
        "{throttled:?}"
    );
    let asked = city.platform.requests(XEndpoint::Post);
    assert!(matches!(city.adapter.send(&reply(to.clone(), "d")).await, Err(SendError::Throttled(_))));
    assert_eq!(city.platform.requests(XEndpoint::Post), asked, "the window is closed, and X is not asked");
    city.restart(&Wishes::default());
    city.platform.delete(&post);
    assert_eq!(rejected(&city.adapter.send(&reply(to, "e")).await), "gone");
}

#[tokio::test]
async fn when_the_months_money_is_spent_reading_ends_first_and_answers_after_it() {
    // One mention and its author cost 0.015; reading has 0.03, answers 0.01 more.
    let wishes = Wishes { adapter: "settle = '0s'\nbegin = '1h'\nbudget = { monthly = 0.04, for_answers = 0.25 }\n", ..Wishes::default() };
    let mut city = City::with(wishes).await;
    city.platform.post("sari", "@lapor_contoh satu");
    let first = city.only().await;
    assert_eq!(city.adapter.every(), Duration::from_mins(4), "half of the money is gone");
    city.platform.post("sari", "@lapor_contoh dua");
    city.only().await;
    let asked = city.platform.requests(XEndpoint::Mentions);
    assert!(matches!(city.look().await, Err(FetchError::Throttled(Some(_)))));
    assert_eq!(city.platform.requests(XEndpoint::Mentions), asked, "no money, no question");
    city.restart(&Wishes { adapter: "settle = '0s'\nbudget = { monthly = 0.04, for_answers = 0.25 }\n", ..Wishes::default() });
    assert!(matches!(city.look().await, Err(FetchError::Throttled(Some(_)))), "the count outlives the process");
    city.adapter.send(&reply_to(&first, "Terima kasih")).await.expect("answers still go out");
    assert!(matches!(city.adapter.send(&reply_to(&first, "Sekali lagi")).await, Err(SendError::Throttled(Some(_)))), "until all is spent");
}

#[tokio::test]
async fn oauth_2_renews_its_token_keeps_the_new_one_and_recovers_from_a_withdrawn_one() {
    let wishes = Wishes { oauth2: true, ..Wishes::default() };
    let mut city = City::with(Wishes { oauth2: true, ..Wishes::default() }).await;
    city.platform.post("sari", "@lapor_contoh satu");
    city.only().await;
    assert_eq!(city.platform.requests(XEndpoint::Token), 1);
    city.look().await.expect("the same token");
    assert_eq!(city.platform.requests(XEndpoint::Token), 1);
    city.restart(&wishes);
    city.look().await.expect("the token was kept");
    assert_eq!(city.platform.requests(XEndpoint::Token), 1);
    city.platform.forget_access();
    city.look().await.expect("renewed with the refresh token that came with the last renewal");
    assert_eq!(city.platform.requests(XEndpoint::Token), 2);
    assert_ne!(city.platform.refresh_token(), "simulator-refresh");
    let kept = std::fs::read_to_string(city.folder.path().join("state").join(format!("oauth2-{US}.json"))).expect("a file");
    assert!(kept.contains(&city.platform.refresh_token()));
}

#[tokio::test]
async fn a_way_that_does_not_work_takes_no_other_along() {
    let mut city = City::with(WITH_HASHTAG).await;
    city.platform.fail(XEndpoint::Search, XFault::NotEnrolled, None);
    let post = city.platform.post("sari", "@lapor_contoh satu");
    assert_eq!(city.only().await.key.id, post);
    assert!(matches!(city.look().await, Err(FetchError::Later(_))), "and it is told when there is nothing else to tell");
    city.platform.post("sari", "#LAPORCONTOH dua");
    city.platform.mend();
    assert_eq!(city.messages().await.len(), 1, "nothing was passed over");
}

#[tokio::test]
async fn the_probe_tells_keys_clock_and_money_apart() {
    let wishes = Wishes { adapter: "budget = { monthly = 5.0, for_answers = 0.25 }\n", ..Wishes::default() };
    let mut city = City::with(wishes).await;
    let states = |found: Vec<Finding>| found.into_iter().map(|finding| (finding.what, finding.state)).collect::<Vec<_>>();
    let fine = |what: &str| (what.to_owned(), State::Fine);
    let keys = "keys of the account lapor_contoh";
    assert_eq!(states(city.adapter.probe().await), [fine(keys), fine("clock"), fine("budget")]);
    city.platform.move_clock(SignedDuration::from_mins(4));
    assert_eq!(states(city.adapter.probe().await)[1], ("clock".to_owned(), State::Wrong));
    city.platform.move_clock(SignedDuration::ZERO);
    city.platform.fail(XEndpoint::Me, XFault::NoCredits, Some(1));
    assert_eq!(states(city.adapter.probe().await)[0], (keys.to_owned(), State::Wrong));
    let stranger = XOptions { keys: ["simulator-key", "no", "1000000000000000001-simulator", "no"].map(Into::into), ..XOptions::default() };
    city = City::with(Wishes { platform: Some(stranger), ..Wishes::default() }).await;
    let found = city.adapter.probe().await;
    assert!(found[0].state == State::Wrong && found[0].advice.is_some(), "{found:?}");
    assert_eq!(found.last().map(|finding| finding.state), Some(State::Warning), "no limit is set");
}
