//! The road of a message to a bot, by both ways in: Telegram played over its own protocol, everything else real.

use simulator::telegram::{Got, TelegramPlatform};
use tests::{World, eventually};

const BOT: &str = "7000000001";
const TOKEN: &str = "7000000001:simulator-token";
const WORD: &str = "word-of-the-webhook";
const SARI: i64 = 4_000_000_000_001;

/// A world with Telegram in it, and how its messages come.
struct City {
    world: World,
    platform: TelegramPlatform,
    way: &'static str,
}

impl City {
    async fn start(way: &'static str) -> Self {
        let mut world = World::start().await;
        let platform = TelegramPlatform::start().await.expect("a port");
        world.muara(&["channel", "add", "telegram", "--account", BOT, "--label", "Telegram resmi"]);
        let table = format!(
            "way = \"{way}\"\nwait = \"2s\"\napi_url = \"{}\"\n[[adapter.bots]]\nid = \"{BOT}\"\ntoken = \"{TOKEN}\"\nsecret_token = \"{WORD}\"\n",
            platform.url
        );
        let port = servers::free_port().expect("a free port");
        world.start_adapter("telegram", "adapter-telegram", port, &table).await;
        Self { world, platform, way }
    }

    fn webhook(&self) -> String {
        format!("{}/webhook", self.world.adapter_url("telegram"))
    }

    /// What citizens did gets to the adapter: it asks, or it is called.
    async fn bring(&self) {
        if self.way == "webhook" {
            let statuses = self.platform.deliver(&self.webhook(), WORD).await;
            assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        }
        assert!(self.platform.wait_until_heard().await, "{} updates were never heard", self.platform.waiting());
    }

    /// What the adapter counts.
    async fn figures(&self) -> String {
        let answer = tests::client().get(format!("{}/metrics", self.world.adapter_url("telegram"))).send().await;
        answer.expect("an answer").text().await.expect("a text")
    }

    async fn hears(&self, words: &[&str]) -> Got {
        let found = self.platform.wait_for(SARI, |got| words.iter().all(|word| got.text.contains(word))).await;
        found.unwrap_or_else(|| panic!("{words:?} never came, only {:#?}", self.platform.received(SARI)))
    }
}

fn small_photo() -> Vec<u8> {
    simulator::scene::photo(simulator::scene::Scene::Pothole, &mut simulator::Random::new(7))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_bot_asks_for_goes_the_whole_way_and_back() {
    the_whole_way("polling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_calls_a_bot_goes_the_whole_way_and_back() {
    the_whole_way("webhook").await;
}

/// A photo with words and a place, number and link, the officer's question, the answer to it, and a citizen who blocks the bot.
async fn the_whole_way(way: &'static str) {
    let city = City::start(way).await;
    let (world, platform) = (&city.world, &city.platform);
    platform.begin(SARI);
    let photo = platform.photo(SARI, Some("Jalan berlubang besar di depan pasar Kelurahan Gambir"), small_photo());
    let place = platform.location(SARI, -6.1765, 106.8305);
    platform.in_group(SARI, "lampu mati juga");
    city.bring().await;
    let acknowledged = city.hears(&["Nomor: ", "/t/"]).await;
    assert!([Some(photo), Some(place)].contains(&acknowledged.answers), "it quotes what it answers: {acknowledged:?}");
    let number = world.ask("select reference from complaint");
    assert!(acknowledged.text.contains(&number));
    eventually("the photo is kept", || async { world.count("select count(*) from attachment where state = 'kept'") == 1 }).await;
    assert_eq!(world.count("select count(*) from message where lat is not null"), 1);
    assert_eq!((world.complaints(), platform.received(SARI).len()), (1, 1), "one complaint, one answer");

    let page = format!("/aduan/{}", world.ask("select id from complaint"));
    let mut officer = world.signed_in("jalan1").await;
    officer.act(&page, "tanya", &[("text", "Di sisi mana lubangnya?")]).await;
    let question = city.hears(&["Di sisi mana lubangnya?"]).await;
    platform.answer(SARI, "Sisi utara, dekat halte", question.id);
    city.bring().await;
    city.hears(&["sudah kami tambahkan", &number]).await;
    assert!(officer.get(&page).await.text.contains("Sisi utara, dekat halte"));
    officer.act(&page, "jawab", &[("text", "Tim turun besok pagi")]).await;
    city.hears(&["Tim turun besok pagi"]).await;

    platform.block(SARI, true);
    city.bring().await;
    officer.act(&page, "jawab", &[("text", "Tim sudah di tempat")]).await;
    eventually("it is known that it did not arrive, and why", || async {
        world.count("select count(*) from reply where receipt = 'failed' and error like '%403%blocked%'") == 1
    })
    .await;
    eventually("nobody else can tell them, so it is somebody's task", || async { world.count("select count(*) from unreached") == 1 })
        .await;
    world.settled().await;
    eventually("the first button, the group and the block are counted", || async {
        city.figures().await.contains("muara_raw_ignored_total 3")
    })
    .await;
    for secret in ["simulator-token", WORD, "berlubang", "Sisi utara", "4000000000001"] {
        assert!(!world.log("telegram").contains(secret), "the adapter logs {secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_album_in_pieces_is_one_complaint_with_one_answer() {
    let city = City::start("polling").await;
    let photos: Vec<bytes::Bytes> = (0..3).map(|_| small_photo().into()).collect();
    city.platform.album(SARI, "Jalan berlubang di depan pasar Kelurahan Gambir", &photos);
    city.bring().await;
    city.hears(&["Nomor: "]).await;
    eventually("all three are kept", || async { city.world.count("select count(*) from attachment where state = 'kept'") == 3 }).await;
    city.world.settled().await;
    assert_eq!((city.world.complaints(), city.platform.received(SARI).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_number_that_telegram_vouches_for_is_the_citizens() {
    let city = City::start("polling").await;
    city.platform.text(SARI, "Jalan berlubang di depan pasar Kelurahan Gambir");
    let own = serde_json::json!({ "contact": { "phone_number": "6281200000001", "first_name": "Sari", "user_id": SARI } });
    city.platform.say(SARI, &own);
    city.bring().await;
    eventually("both addresses are one citizen's", || async {
        city.world.count("select count(*) from citizen_address") == 2 && city.world.count("select count(*) from citizen") == 1
    })
    .await;
    city.world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_the_adapter_was_away_is_heard_once_it_is_back() {
    let mut city = City::start("polling").await;
    city.platform.text(SARI, "Jalan berlubang di depan pasar Kelurahan Gambir");
    city.bring().await;
    city.hears(&["Nomor: "]).await;
    city.world.process("telegram").kill();
    city.platform.text(4_000_000_000_002, "Lampu jalan mati di Kelurahan Gambir");
    city.world.process("telegram").resume();
    city.world.complaints_become(2).await;
    city.bring().await;
    city.world.settled().await;
    assert_eq!(city.world.count("select count(*) from message"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_wrong_word_is_refused_counted_and_not_kept() {
    let city = City::start("webhook").await;
    city.platform.text(SARI, "Jalan berlubang di depan pasar Kelurahan Gambir");
    assert_eq!(city.platform.deliver(&city.webhook(), "word-of-somebody-else").await, [401]);
    assert_eq!(city.platform.waiting(), 1, "Telegram comes again");
    assert!(city.figures().await.contains("muara_signature_refused_total 1"));
    assert_eq!(city.world.count("select count(*) from message"), 0);
    city.bring().await;
    city.hears(&["Nomor: "]).await;
    city.world.settled().await;
}
