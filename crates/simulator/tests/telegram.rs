//! The adapter for Telegram against Telegram as it is played here: both ways in, files, buttons, pauses, and who cannot be reached.

use std::{collections::BTreeMap, time::Duration};

use adapter_sdk::{
    Adapter, AttachmentKind, Batch, Content, Event, FetchError, Http, Inbound, Language, Menu, MessageKey, Poll, Raw, RemoteMedia, Reply,
    ReplyFile, ReplyId, ReplyKind, ReplyTo, SendError, Sent, Settings, State, Timestamp, TraceId, model::Choice, outgoing::Limits,
};
use adapter_telegram::Telegram;
use simulator::telegram::{TelegramFault, TelegramPlatform};

const BOT: &str = "7000000001";
const SARI: i64 = 4_000_000_000_001;

struct City {
    platform: TelegramPlatform,
    adapter: Telegram,
    cursor: Option<Vec<u8>>,
}

impl City {
    async fn start() -> Self {
        Self::with("way = 'polling'\n").await
    }

    async fn with(more: &str) -> Self {
        let platform = TelegramPlatform::start().await.expect("a port");
        let text = format!(
            "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\n{more}wait = '1s'\napi_url = '{}'\n\
             bots = [{{ id = '{BOT}', token = '{BOT}:simulator-token', secret_token = 'word-of-the-webhook' }}]\n",
            platform.url
        );
        let settings = Settings::<<Telegram as Adapter>::Config>::layered(&[Telegram::DEFAULTS, &text]).expect("settings");
        let limits = Limits { total: Duration::from_secs(5), ..Limits::default() };
        let adapter = Telegram::open(settings.adapter, Http::new(limits).expect("a client")).expect("it opens");
        Self { platform, adapter, cursor: None }
    }

    async fn look(&mut self) -> Result<Batch, FetchError> {
        let batch = self.adapter.poll(BOT, self.cursor.clone()).await?;
        if let Some(cursor) = &batch.cursor {
            self.cursor = Some(cursor.clone());
        }
        Ok(batch)
    }

    /// The messages in what a look finds.
    async fn news(&mut self) -> Vec<Inbound> {
        let batch = self.look().await.expect("a look");
        batch.items.into_iter().flat_map(|item| self.read(item.headers, item.body)).collect()
    }

    fn read(&self, headers: Vec<(String, String)>, body: adapter_sdk::Bytes) -> Vec<Inbound> {
        let (adapter, trace) = ("telegram".parse().expect("a name"), TraceId::random());
        let raw = Raw { adapter, received_at: Timestamp::UNIX_EPOCH, trace, query: String::new(), headers, body };
        let events = self.adapter.parse(&raw).expect("events");
        let message = |event| if let Event::Message(inbound) = event { Some(*inbound) } else { None };
        events.into_iter().filter_map(message).collect()
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        self.adapter.send(reply).await
    }
}

fn reply(citizen: i64, text: &str) -> Reply {
    let key = MessageKey { adapter: "telegram".parse().expect("a name"), account: BOT.into(), id: "1".into() };
    let to = ReplyTo::private(&key, format!("telegram:{citizen}").parse().expect("an address"));
    let (id, kind, text) = (ReplyId::new(Timestamp::UNIX_EPOCH), ReplyKind::Answered, text.to_owned());
    Reply { id, to, kind, language: Language::Id, text, short: Vec::new(), params: BTreeMap::new(), menu: None, files: Vec::new() }
}

fn code(sent: Result<Sent, SendError>) -> String {
    match sent {
        Err(SendError::Rejected { code, detail }) => format!("{code}: {detail}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn news_are_forgotten_there_only_when_the_next_question_says_that_they_are_safe() {
    let mut city = City::start().await;
    city.platform.text(SARI, "Lampu mati di Kelurahan Gambir");
    city.platform.text(SARI, "Sudah seminggu");
    let texts = |news: &[Inbound]| news.iter().map(|inbound| inbound.text.clone()).collect::<Vec<_>>();
    let first = city.news().await;
    assert_eq!(texts(&first), ["Lampu mati di Kelurahan Gambir", "Sudah seminggu"]);
    assert_eq!(city.platform.waiting(), 2, "asked is not heard");
    // The process ends before its cursor is kept: the same comes again, under the same keys.
    let known: Vec<MessageKey> = first.into_iter().map(|inbound| inbound.key).collect();
    let cursor = city.cursor.take();
    assert_eq!(city.news().await.into_iter().map(|inbound| inbound.key).collect::<Vec<_>>(), known);
    city.cursor = cursor;
    assert!(city.news().await.is_empty());
    assert_eq!(city.platform.waiting(), 0, "now they are heard");
}

#[tokio::test]
async fn after_a_week_of_silence_lower_numbers_are_not_thrown_away() {
    let mut city = City::start().await;
    city.platform.text(SARI, "Lampu mati di Kelurahan Gambir");
    assert_eq!(city.news().await.len(), 1);
    assert!(city.news().await.is_empty());
    city.platform.number_from(7);
    city.platform.text(SARI, "Sekarang mati lagi");
    assert_eq!(city.news().await.len(), 1, "asked without a number");
    assert_eq!(city.cursor.as_deref(), Some("8".as_bytes()));
}

#[tokio::test]
async fn who_asks_beside_a_webhook_hears_why_not() {
    let mut city = City::start().await;
    city.platform.text(SARI, "Lampu mati");
    city.platform.set_webhook("https://telegram.example.id/webhook");
    let Err(FetchError::Later(why)) = city.look().await else { panic!("for later") };
    assert!(why.to_string().contains("a webhook is set"), "{why}");
    let found = city.adapter.probe().await;
    assert!(
        found
            .iter()
            .any(|finding| finding.state == State::Wrong && finding.advice.as_deref().is_some_and(|a| a.contains("Delete the webhook")))
    );
    city.platform.set_webhook("");
    assert_eq!(city.news().await.len(), 1, "nothing is lost meanwhile");
    assert!(city.adapter.probe().await.iter().all(|finding| finding.state == State::Fine));
}

#[tokio::test]
async fn groups_and_blocks_are_read_and_are_no_messages() {
    let mut city = City::start().await;
    city.platform.in_group(SARI, "lampu mati");
    city.platform.begin(SARI);
    city.platform.block(SARI, true);
    city.platform.block(SARI, false);
    let batch = city.look().await.expect("a look");
    assert_eq!(batch.items.len(), 4);
    assert!(batch.items.into_iter().all(|item| city.read(item.headers, item.body).is_empty()));
}

#[tokio::test]
async fn an_answer_quotes_the_message_and_names_its_own_for_the_next_one() {
    let mut city = City::start().await;
    let asked = city.platform.text(SARI, "Lampu mati di Kelurahan Gambir");
    let to = city.news().await.remove(0).reply_to.expect("a way back");
    let sent = city.send(&Reply { to, ..reply(SARI, "Di mana persisnya?") }).await.expect("it is sent");
    let got = city.platform.received(SARI).remove(0);
    assert_eq!((got.text.as_str(), got.answers), ("Di mana persisnya?", Some(asked)));
    city.platform.answer(SARI, "Dekat halte", got.id);
    let answer = city.news().await.remove(0);
    assert_eq!(answer.in_reply_to, sent.platform_id);
}

#[tokio::test]
async fn choices_are_buttons_whose_tap_is_heard_and_words_where_telegram_takes_none() {
    let mut city = City::start().await;
    city.platform.text(SARI, "Lampu mati");
    city.news().await;
    let choice = |id: &str, title: &str| Choice { id: id.into(), title: title.into() };
    let choices = vec![choice(Choice::SAME, "Ya, sama"), choice(Choice::OTHER, "Bukan, beda")];
    let menu = Menu::Choices { body: "Apakah ini sama?".into(), button: "Pilih".into(), choices };
    let asked = Reply { menu: Some(menu), ..reply(SARI, "Apakah ini sama? Balas 1 atau 2.") };
    let sent = city.send(&asked).await.expect("it is sent");
    let got = city.platform.received(SARI).remove(0);
    assert_eq!(got.text, "Apakah ini sama?");
    city.platform.tap(SARI, &got, Choice::OTHER);
    let tap = city.news().await.remove(0);
    assert_eq!((tap.text.as_str(), tap.in_reply_to), ("Bukan, beda", sent.platform_id));
    assert_eq!(city.platform.heard().len(), 1, "the button stops waiting");

    city.platform.fail("sendMessage", TelegramFault::Code(400, "Bad Request: BUTTON_TYPE_INVALID"), Some(1));
    city.send(&Reply { id: ReplyId::new(Timestamp::UNIX_EPOCH), ..asked }).await.expect("it is sent in words");
    assert_eq!(city.platform.received(SARI)[1].text, "Apakah ini sama? Balas 1 atau 2.");
}

#[tokio::test]
async fn a_long_text_stopped_in_the_middle_goes_on_where_it_was() {
    let city = City::start().await;
    city.platform.text(SARI, "Lampu mati");
    let long = reply(SARI, &["a".repeat(4000), "b".repeat(4000), "c".repeat(4000)].join(" "));
    city.platform.fail("sendMessage", TelegramFault::TooMany(1), Some(1));
    assert!(matches!(city.send(&long).await, Err(SendError::Throttled(Some(wait))) if wait == Duration::from_secs(1)));
    let early = city.send(&long).await;
    assert!(matches!(early, Err(SendError::Throttled(Some(_)))), "the bot rests: {early:?}");
    assert_eq!(city.platform.requests("sendMessage"), 1, "and does not even ask");
    let sent = loop {
        match city.send(&long).await {
            Err(SendError::Throttled(Some(wait))) => tokio::time::sleep(wait).await,
            sent => break sent,
        }
    };
    sent.expect("it is sent");
    let got: Vec<String> = city.platform.received(SARI).into_iter().map(|message| message.text).collect();
    assert_eq!(got, ["a".repeat(4000), "b".repeat(4000), "c".repeat(4000)]);
}

#[tokio::test]
async fn who_cannot_be_reached_is_a_final_no_and_a_bad_token_is_not() {
    let city = City::start().await;
    assert_eq!(code(city.send(&reply(SARI, "Halo")).await), "400: Bad Request: chat not found");
    city.platform.text(SARI, "Lampu mati");
    city.platform.block(SARI, true);
    assert_eq!(code(city.send(&reply(SARI, "Halo")).await), "403: Forbidden: bot was blocked by the user");
    city.platform.block(SARI, false);
    city.platform.fail("sendMessage", TelegramFault::Code(401, "Unauthorized"), None);
    let sent = city.send(&reply(SARI, "Halo")).await;
    assert!(matches!(sent, Err(SendError::Unreachable(_))), "{sent:?}");
    city.platform.mend();
    city.send(&reply(SARI, "Halo")).await.expect("it waited");
}

#[tokio::test]
async fn a_yes_that_is_lost_doubles_one_message_and_no_more() {
    let city = City::start().await;
    city.platform.text(SARI, "Lampu mati");
    let two = reply(SARI, &["a".repeat(4000), "b".repeat(4000)].join(" "));
    city.platform.fail("sendMessage", TelegramFault::Lost, Some(1));
    assert!(matches!(city.send(&two).await, Err(SendError::Unreachable(_))));
    city.send(&two).await.expect("it is sent");
    let begins: Vec<char> = city.platform.received(SARI).iter().filter_map(|message| message.text.chars().next()).collect();
    assert_eq!(begins, ['a', 'a', 'b']);
}

#[tokio::test]
async fn files_come_over_and_one_that_is_too_large_is_said_to_be() {
    let mut city = City::start().await;
    city.platform.photo(SARI, Some("Lubang"), vec![0xff, 0xd8, 1, 2, 3]);
    let inbound = city.news().await.remove(0);
    let Content::Remote(media) = &inbound.attachments[0].content else { panic!("it is there") };
    assert_eq!(city.adapter.fetch(media).await.expect("bytes")[..], [0xff, 0xd8, 1, 2, 3]);
    assert!(!format!("{media:?}").contains("simulator-token"), "no address with the token goes on");

    let named = |id: &str, size: Option<u64>| {
        let params = [("account".to_owned(), BOT.to_owned())].into_iter().chain(size.map(|size| ("size".to_owned(), size.to_string())));
        RemoteMedia { id: id.into(), params: params.collect() }
    };
    city.platform.offer("large", vec![0; (20 << 20) + 1]);
    let before = city.platform.requests("getFile");
    for (media, asks) in [(named("large", Some(30 << 20)), 0), (named("large", None), 1)] {
        let Err(FetchError::Gone(why)) = city.adapter.fetch(&media).await else { panic!("never") };
        assert!(why.contains("20 MB"), "{why}");
        assert_eq!(city.platform.requests("getFile"), before + asks);
    }
    assert!(matches!(city.adapter.fetch(&named("nothing", None)).await, Err(FetchError::Gone(_))));
    city.platform.fail("file", TelegramFault::Code(502, "Bad Gateway"), Some(1));
    assert!(matches!(city.adapter.fetch(media).await, Err(FetchError::Later(_))));
}

#[tokio::test]
async fn a_photo_follows_the_words_and_one_that_is_refused_leaves_them() {
    let city = City::start().await;
    city.platform.text(SARI, "Lampu mati");
    let bytes = adapter_sdk::Bytes::from_static(&[0xff, 0xd8, 9]);
    let file = ReplyFile {
        kind: AttachmentKind::Image,
        mime: "image/jpeg".into(),
        filename: "bukti.jpg".into(),
        size: 3,
        at: String::new(),
        bytes,
    };
    assert!(city.adapter.takes(&file) && !city.adapter.takes(&ReplyFile { size: 11 << 20, ..file.clone() }));
    let settled = Reply { files: vec![file], ..reply(SARI, "Sudah selesai") };
    city.send(&settled).await.expect("it is sent");
    assert_eq!(city.platform.received(SARI)[1].photo.as_deref(), Some(&[0xff, 0xd8, 9][..]));

    city.platform.fail("sendPhoto", TelegramFault::Code(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), Some(1));
    let sent = city.send(&Reply { id: ReplyId::new(Timestamp::UNIX_EPOCH), ..settled }).await.expect("the words got through");
    assert_eq!(sent.file_refused.as_deref(), Some("400: Bad Request: PHOTO_INVALID_DIMENSIONS"));
    assert_eq!(city.platform.received(SARI).len(), 3);
}
