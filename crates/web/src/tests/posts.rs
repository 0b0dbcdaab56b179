//! Posts that staff enter by hand.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use bus::{Delivery, Queue, Stop};
use model::{Audience, Content, Event, Inbound, MessageKey, Reference};

use super::{World, city::PICTURE};

const LINK: &str = "https://x.com/warga_contoh/status/1991900000000000001?s=20";

/// What intake would have heard: reads until so many events came.
async fn published(world: &World, expected: usize) -> Vec<Inbound> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let stop = Stop::new();
    let (all, done) = (Arc::clone(&heard), stop.clone());
    let handle = move |delivery: Delivery<Event>| {
        let (all, done) = (Arc::clone(&all), done.clone());
        async move {
            if let Event::Message(inbound) = delivery.item {
                assert_eq!(delivery.adapter, inbound.key.adapter, "the subject is the adapter's own");
                let mut all = all.lock().expect("a lock");
                all.push(*inbound);
                if all.len() == expected {
                    done.cancel();
                }
            }
            Ok(())
        }
    };
    let reading = world.bus.consume(Queue::Events, stop, 1, handle);
    tokio::time::timeout(std::time::Duration::from_mins(1), reading).await.expect("events come").expect("the bus");
    let heard = heard.lock().expect("a lock");
    heard.clone()
}

#[tokio::test]
async fn a_pasted_post_goes_to_intake_under_the_key_that_its_adapter_would_give_it() {
    let world = World::new().await;
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "0811".into(), id: "1991900000000000001".into() };
    let reference = Reference::of(&key, 0);
    let staff = world.sign_in("triase").await;
    let fields =
        [("channel", "chat/0811"), ("link", LINK), ("name", ""), ("text", "Trotoar rusak di Kelurahan Melati"), ("place", "depan pasar")];
    let answer = staff.post_file("/pos", &fields, PICTURE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(answer.leads_to(), format!("/pos?nomor={reference}"));
    let shown = staff.get(answer.leads_to()).await;
    assert!(shown.text.contains(&reference.to_string()) && shown.text.contains("Sedang dicatat"), "{}", shown.text);
    assert!(!shown.text.contains("/t/"), "no tracking link to paste in public");

    let inbound = published(&world, 1).await.remove(0);
    assert_eq!((inbound.key, inbound.reference), (key, reference));
    assert_eq!(inbound.text, format!("Trotoar rusak di Kelurahan Melati\n\n{LINK}"));
    assert_eq!((inbound.audience, inbound.reply_to), (Audience::Public, None));
    assert_eq!(inbound.sender_name.as_deref(), Some("@warga_contoh"));
    assert_eq!(inbound.place.as_deref(), Some("depan pasar"));
    assert!(matches!(inbound.attachments[0].content, Content::Quarantined { .. }));
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_what_was_typed_stays() {
    let world = World::new().await;
    let staff = world.sign_in("loket").await;
    let answer =
        staff.post_file("/pos", &[("channel", "chat/404"), ("link", "x.com"), ("text", ""), ("name", "Warga <b>")], b"<html>").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for words in ["Pilih kanal tempat pos itu ditujukan.", "Tulis tautan lengkap ke satu pos", "Salin isi pos.", "Warga &#60;b&#62;"] {
        assert!(answer.text.contains(words), "{words}: {}", answer.text);
    }
    let office = [("channel", "counter/kel-melati"), ("link", LINK), ("text", "a")];
    let answer = staff.post_file("/pos", &office, b"<html>").await;
    assert!(answer.status.is_client_error() && answer.text.contains("bukan foto"), "{}", answer.text);
    assert_eq!(staff.post("/pos", &office).await.status, StatusCode::SEE_OTHER);
    let officer = world.sign_in("jalan").await;
    assert_eq!(officer.post("/pos", &office).await.status, StatusCode::FORBIDDEN);
}
