//! The road of a post: X played over its own protocol, everything else real.

use jiff::SignedDuration;
use simulator::x::{Draft, Said, XEndpoint, XFault, XPlatform};
use tests::{World, eventually};
use tokio::sync::Mutex;

const US: &str = "1000000000000000001";

/// A world with X in it.
async fn world_with_x(more: &str) -> (World, XPlatform) {
    world_with_x_behind("", more).await
}

/// The same with more lines of the table `[door]`.
async fn world_with_x_behind(door: &str, more: &str) -> (World, XPlatform) {
    let mut world = World::start().await;
    let platform = XPlatform::start().await.expect("a port");
    world.muara(&["channel", "add", "x", "--account", US, "--label", "X @lapor_contoh"]);
    let state = world.folder().join("state-x");
    let adapter = format!(
        "api_url = \"{}\"\nstate_folder = \"{}\"\nevery = \"300ms\"\nsettle = \"0s\"\nbegin = \"72h\"\n{more}\
         [[adapter.accounts]]\nuser_id = \"{US}\"\nusername = \"lapor_contoh\"\nhashtags = [\"LAPORCONTOH\"]\ndirect_messages = true\n\
         consumer_key = \"simulator-key\"\nconsumer_secret = \"simulator&secret\"\naccess_token = \"1000000000000000001-simulator\"\n\
         access_token_secret = \"simulator=token secret\"\n",
        platform.url,
        state.display()
    );
    world.add_adapter_with("x", "adapter-x", door, &adapter).await;
    (world, platform)
}

async fn answered(platform: &XPlatform, post: &str, words: &[&str]) -> Said {
    let found = platform.wait_for_answer(post, |said| words.iter().all(|word| said.text.contains(word))).await;
    found.unwrap_or_else(|| panic!("{words:?} never came, only {:#?}", platform.answers(post)))
}

fn number_in(text: &str) -> String {
    let is_number = |word: &&str| word.len() == 14 && word.split('-').count() == 3;
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(is_number)
        .unwrap_or_else(|| panic!("no number in {text}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_is_answered_in_public_without_the_link_and_directly_with_it() {
    let (world, platform) = world_with_x("").await;
    let post = platform.post("sari", "@lapor_contoh jalan berlubang besar di depan pasar Kelurahan Gambir");
    let answer = answered(&platform, &post, &["kami catat dengan nomor"]).await;
    let number = number_in(&answer.text);
    assert!(!answer.text.contains("http") && !answer.text.contains("/t/"), "the link is a key: {}", answer.text);

    platform.direct("sari", &format!("{number} persisnya di depan toko nomor 5"));
    let direct = platform.wait_for_direct("sari", |said| said.text.contains("/t/")).await.expect("an answer with the link");
    assert!(direct.text.contains(&number));
    world.complaints_become(1).await;

    let edited = platform.edit(&post, "@lapor_contoh jalan berlubang besar di depan pasar Kelurahan Gambir, sisi utara");
    eventually("the edit is recorded", || async {
        world.count(&format!("select count(*) from message where platform_id = '{edited}' and replaces is not null")) == 1
    })
    .await;
    world.settled().await;
    assert_eq!(world.complaints(), 1, "an edit opens no second complaint");
    for said in platform.posted() {
        assert!(!said.text.contains("http"), "no link in public: {}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hashtag_is_recorded_and_staff_see_why_it_is_not_answered() {
    let (world, platform) = world_with_x("").await;
    let post = platform.post("budi", "#LAPORCONTOH lampu jalan mati di Kelurahan Gambir");
    world.complaints_become(1).await;
    eventually("the answer is known to have failed", || async {
        world.count("select count(*) from reply where receipt = 'failed' and error like '%not_mentioned%'") == 1
    })
    .await;
    assert!(platform.answers(&post).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_a_closed_window_lead_to_one_answer() {
    let (mut world, platform) = world_with_x("").await;
    platform.fail(XEndpoint::Post, XFault::Lost, Some(1));
    let post = platform.post("sari", "@lapor_contoh pohon tumbang menutup jalan di Kelurahan Menteng");
    assert!(platform.wait_for_requests(XEndpoint::Post, 1).await, "it is tried");
    world.process("x").kill();
    platform.fail(XEndpoint::Mentions, XFault::TooMany(2), Some(1));
    world.process("x").resume();
    answered(&platform, &post, &["kami catat dengan nomor"]).await;
    assert!(platform.wait_for_requests(XEndpoint::OwnPosts, 1).await, "it looked before it would post again");
    world.settled().await;
    assert_eq!(platform.answers(&post).len(), 1, "once");
    let next = platform.post("budi", "@lapor_contoh banjir di Kelurahan Gambir selutut");
    answered(&platform, &next, &["kami catat dengan nomor"]).await;
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_post_is_hidden_from_others_and_its_complaint_stays() {
    let (world, platform) = world_with_x("look_again = [\"24h\", \"25h\"]\n").await;
    let at = platform.now() - SignedDuration::from_mins(24 * 60) + SignedDuration::from_secs(20);
    let post = platform
        .post("sari", Draft { text: "@lapor_contoh sampah menumpuk di Kelurahan Menteng".into(), at: Some(at), ..Draft::default() });
    let number = number_in(&answered(&platform, &post, &["nomor"]).await.text);
    platform.delete(&post);
    eventually("the withdrawal is noted", || async { world.count("select count(*) from message where withdrawn_at is not null") == 1 })
        .await;
    assert_eq!(world.ask("select reference from complaint"), number);
    assert_eq!(world.count("select count(*) from complaint where visibility = 'public'"), 0);
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_staff_paste_is_known_again_when_the_adapter_reads_it() {
    let (world, platform) = world_with_x("").await;
    // Before the adapter can find it: X does not let it read.
    platform.fail(XEndpoint::Mentions, XFault::NotEnrolled, None);
    let post = platform.post("sari", "@lapor_contoh trotoar rusak di Kelurahan Gambir");
    let link = format!("https://x.com/sari/status/{post}");
    let channel = format!("x/{US}");
    let (staff, offered) = (Mutex::new(world.signed_in("triase1").await), format!("value=\"{channel}\""));
    eventually("the page knows the new channel", || async { staff.lock().await.get("/pos").await.text.contains(&offered) }).await;
    let mut staff = staff.into_inner();
    let fields = [("channel", channel.as_str()), ("link", &link), ("text", "trotoar rusak di Kelurahan Gambir")];
    for _ in 0..2 {
        staff.get("/pos").await;
        let page = staff.post_files("/pos", &fields, &[]).await;
        assert!(page.status < 400, "{} {}", page.status, page.text);
        world.complaints_become(1).await;
    }
    platform.mend();
    let before = platform.requests(XEndpoint::Mentions);
    assert!(platform.wait_for_requests(XEndpoint::Mentions, before + 3).await);
    world.settled().await;
    assert_eq!(world.complaints(), 1);
    assert_eq!(world.count("select count(*) from message"), 1);
    assert!(platform.answers(&post).is_empty(), "staff answer it themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_larger_than_the_door_waits_for_a_person_and_holds_nobody_up() {
    let (world, platform) = world_with_x_behind("max_body = \"3 KiB\"\n", "").await;
    let large = platform.post("sari", format!("@lapor_contoh lubang di Kelurahan Gambir. {}", "Sudah lama sekali. ".repeat(300)).as_str());
    let small = platform.post("budi", "@lapor_contoh lampu mati di Kelurahan Gambir");
    answered(&platform, &small, &["kami catat dengan nomor"]).await;
    world.complaints_become(1).await;
    let listed = world.muara(&["parked", "list"]);
    assert!(listed.contains("larger than the door takes") && listed.contains("1 shown of 1 parked"), "{listed}");
    world.muara(&["parked", "retry", "--all"]);
    answered(&platform, &large, &["kami catat dengan nomor"]).await;
    world.complaints_become(2).await;
    world.settled().await;
}
