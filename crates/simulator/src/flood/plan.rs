//! What a flood sends, thought of beforehand: pure, so that the same seed gives the same bytes in the same order.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Options, Random,
    city::{City, Grievance, Person},
    scene::{self, Scene},
    sms,
    web::Filled,
    webhook,
};

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Signed webhooks, photos with them.
    Whatsapp,
    /// The citizens' form.
    Form,
    /// A gateway's webhook.
    Sms,
    /// Public posts, which the adapter asks for.
    X,
    /// Mail, by SMTP into the city's mailbox.
    Mail,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Whatsapp, Self::Form, Self::Sms, Self::X, Self::Mail];

    /// The adapter's name in keys.
    pub fn adapter(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Form => "web",
            Self::Sms => "sms",
            Self::X => "x",
            Self::Mail => "email",
        }
    }
}

/// Which flood.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The same seed plays the same flood. People have other telephone numbers in each of a thousand that follow each other.
    pub seed: u64,
    /// When it begins, by the platforms' clocks: it is in the bytes.
    pub began: Timestamp,
    /// How many people complain, each once; at most 100,000.
    pub citizens: usize,
    /// Within which time.
    pub time: Duration,
    /// By which ways, each as often as it stands here.
    pub ways: Vec<Way>,
    /// In so many of a hundred cases a platform that was told yes brings the same once more.
    pub again: usize,
    /// So many of a hundred come in bursts.
    pub in_bursts: usize,
}

/// One thing that somebody said: a message of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Who, as the plan counts them.
    pub citizen: usize,
    /// By which way.
    pub way: Way,
    /// What the platform calls it; of a mail, its Message-ID; of a post, nothing before it is there.
    pub id: String,
    /// What is posted: a webhook's body, a form, a mail, the words of a post.
    pub body: Vec<u8>,
    /// Its type, where that says something.
    pub content_type: String,
    /// A photo alone: its words are another item.
    pub is_photo: bool,
}

/// An item is brought to the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// So long after the beginning.
    pub at: Duration,
    /// Which item.
    pub item: usize,
    /// It was brought before.
    pub again: bool,
}

/// How a file comes when the adapter asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Fine,
    /// Late.
    Slow,
    /// The platform has an error the first time.
    Broken,
    /// Its address is dead.
    Gone,
    /// What comes is no picture.
    Torn,
}

/// A photo that somebody sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// The platform's id of it.
    pub id: String,
    /// What it is.
    pub bytes: Vec<u8>,
    /// How it comes.
    pub manner: Manner,
}

/// Who takes part: a name, a telephone number, and what they complain about.
#[derive(Debug, Clone, PartialEq)]
pub struct Citizen {
    /// Name, number, manner of writing.
    pub person: Person,
    /// By which way they write.
    pub way: Way,
    /// Which of the planted incidents they tell of; `None`: something of their own.
    pub planted: Option<usize>,
}

impl Citizen {
    /// What they are called on X.
    pub fn username(&self) -> String {
        format!("warga_{}", self.person.phone.get(self.person.phone.len().saturating_sub(8)..).unwrap_or(&self.person.phone))
    }

    /// Where their mail comes from.
    pub fn address(&self) -> String {
        format!("{}@warga.example.id", self.username())
    }
}

/// A whole flood.
#[derive(Debug, Clone)]
pub struct Plan {
    /// As it was asked for.
    pub shape: Shape,
    /// Who takes part.
    pub citizens: Vec<Citizen>,
    /// What they say.
    pub items: Vec<Item>,
    /// When it is brought, in order.
    pub deliveries: Vec<Delivery>,
    /// The photos that messages name.
    pub media: Vec<Medium>,
    /// How many incidents were planted: each told of by several citizens.
    pub planted: usize,
}

/// Of a hundred citizens on WhatsApp so many send a photo too; a third of them before their words.
const WITH_PHOTO: usize = 25;
/// One of so many citizens tells of something that others tell of too.
const TOLD_BY_MANY: usize = 5;
/// So many tell of one planted incident.
const CROWD: usize = 5;
/// The longest post, in characters.
const LONGEST_POST: usize = 270;
/// How often a burst comes.
const BURSTS: u32 = 3;

impl Plan {
    /// Thinks of everything.
    pub fn new(shape: Shape) -> Self {
        let mut city = City::new(shape.seed, shape.citizens);
        let mut plan = Self {
            citizens: Vec::with_capacity(shape.citizens),
            items: Vec::with_capacity(shape.citizens),
            deliveries: Vec::with_capacity(shape.citizens * 2),
            media: Vec::new(),
            planted: shape.citizens / (TOLD_BY_MANY * CROWD),
            shape,
        };
        let pictures = pictures(&mut city.random);
        let incidents: Vec<usize> = (0..plan.planted).map(|_| city.random.below(usize::MAX)).collect();
        for number in 0..plan.shape.citizens {
            let way = plan.shape.ways[number % plan.shape.ways.len()];
            let person = Person { phone: phone(plan.shape.seed, number), ..city.people[number].clone() };
            let planted = (!incidents.is_empty() && city.random.chance(100 / TOLD_BY_MANY)).then(|| city.random.below(incidents.len()));
            let grievance = match planted {
                Some(which) => city.grievance_about(incidents[which], person.manner),
                None => city.grievance(person.manner),
            };
            plan.citizens.push(Citizen { person, way, planted });
            plan.tell(number, &grievance, &pictures, &mut city.random);
        }
        plan.deliveries.sort_by_key(|delivery| (delivery.at, delivery.item, delivery.again));
        plan
    }

    /// What the core calls an item; empty for a post, whose number the platform gives it.
    pub fn key(&self, item: &Item) -> String {
        match item.way {
            Way::Sms => format!("{}:{}", sms::NAME, item.id),
            _ => item.id.clone(),
        }
    }

    fn tell(&mut self, citizen: usize, grievance: &Grievance, pictures: &[Medium], random: &mut Random) {
        let at = self.moment(random);
        let (way, person) = (self.citizens[citizen].way, self.citizens[citizen].person.clone());
        let words = match way {
            Way::Whatsapp => {
                if random.chance(WITH_PHOTO) {
                    let photo = self.photo(citizen, &person, at, pictures, random);
                    // A third of the photos come before their words, some in the same moment, the others after them.
                    let offset = *random.pick(&[-900, -400, 0, 0, 300, 900]);
                    self.bring(photo, shifted(at, offset), random);
                }
                let text = json!({ "type": "text", "text": { "body": grievance.text } });
                self.said(citizen, &person, at, "w", text)
            }
            Way::Form => form(citizen, &person, grievance, random),
            Way::Sms => {
                let id = format!("{:x}-{citizen}", self.shape.seed);
                let body = form_encoded(&[("from", &format!("+{}", person.phone)), ("text", &grievance.text), ("id", &id)]);
                let content_type = "application/x-www-form-urlencoded".to_owned();
                Item { citizen, way, id, body, content_type, is_photo: false }
            }
            Way::X => {
                let words: String = format!("@lapor_contoh {}", grievance.text).chars().take(LONGEST_POST).collect();
                Item { citizen, way, id: String::new(), body: words.into_bytes(), content_type: String::new(), is_photo: false }
            }
            Way::Mail => self.mail(citizen, grievance),
        };
        self.bring(words, at, random);
    }

    /// When somebody writes: any time, or in one of the bursts.
    fn moment(&self, random: &mut Random) -> Duration {
        let time = self.shape.time;
        if random.chance(self.shape.in_bursts) {
            let burst = u32::try_from(random.below(BURSTS as usize)).unwrap_or(0);
            return time.mul_f64(f64::from(2 * burst + 1) / f64::from(2 * BURSTS)) + Duration::from_millis(random.below(250) as u64);
        }
        time.mul_f64(random.unit())
    }

    fn bring(&mut self, item: Item, at: Duration, random: &mut Random) {
        let number = self.items.len();
        // X is asked, and a mail that was taken is in the mailbox: nobody brings those again.
        let comes_again = !matches!(item.way, Way::X | Way::Mail) && random.chance(self.shape.again);
        self.items.push(item);
        self.deliveries.push(Delivery { at, item: number, again: false });
        if comes_again {
            // In the same moment, a moment later, or much later.
            let later = Duration::from_millis(*random.pick(&[0, 0, 5, 700, 2_500, 6_000]));
            self.deliveries.push(Delivery { at: at + later, item: number, again: true });
        }
    }

    fn photo(&mut self, citizen: usize, person: &Person, at: Duration, pictures: &[Medium], random: &mut Random) -> Item {
        let medium = pictures[random.below(pictures.len())].clone();
        let id = format!("{}{citizen:08}", medium.id);
        self.media.push(Medium { id: id.clone(), ..medium });
        let image = json!({ "type": "image", "image": { "id": id, "mime_type": "image/jpeg" } });
        Item { is_photo: true, ..self.said(citizen, person, at, "f", image) }
    }

    /// A whole webhook with one message.
    fn said(&self, citizen: usize, person: &Person, at: Duration, kind: &str, mut message: Value) -> Item {
        let id = format!("wamid.{:X}{kind}{citizen:08}", self.shape.seed);
        let sent = self.shape.began.checked_add(at).unwrap_or(self.shape.began);
        message["from"] = json!(person.phone);
        message["id"] = json!(id);
        message["timestamp"] = json!(sent.as_second().to_string());
        let Options { phone_number_id, display_phone_number, .. } = Options::default();
        let body = webhook::envelope(&[json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": display_phone_number, "phone_number_id": phone_number_id },
            "contacts": [{ "profile": { "name": person.name }, "wa_id": person.phone }],
            "messages": [message],
        })]);
        Item { citizen, way: Way::Whatsapp, id, body, content_type: "application/json".to_owned(), is_photo: false }
    }

    fn mail(&self, citizen: usize, grievance: &Grievance) -> Item {
        let id = format!("banjir-{:x}-{citizen}@warga.example.id", self.shape.seed);
        let Grievance { text, place, .. } = grievance;
        let from = self.citizens[citizen].address();
        let mail = format!(
            "From: <{from}>\r\nTo: <{{TO}}>\r\nMessage-ID: <{id}>\r\nSubject: Laporan {citizen} di Kelurahan {}\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n",
            place.kelurahan
        );
        Item { citizen, way: Way::Mail, id, body: mail.into_bytes(), content_type: String::new(), is_photo: false }
    }
}

/// A form as a browser sends it.
fn form(citizen: usize, person: &Person, grievance: &Grievance, random: &mut Random) -> Item {
    let id = uuid::Builder::from_random_bytes(((u128::from(random.bits()) << 64) | u128::from(random.bits())).to_be_bytes())
        .into_uuid()
        .to_string();
    let place = format!("{}, {}", grievance.place.street, grievance.place.kelurahan);
    let filled = Filled::default().field("kiriman", &id).field("bahasa", "id").field("isi", &grievance.text).field("tempat", place);
    let (content_type, body) = filled.field("nama", &person.name).multipart();
    Item { citizen, way: Way::Form, id, body, content_type, is_photo: false }
}

/// Another number in each of a thousand floods: who wrote a moment ago goes on with that complaint. `62810…` belongs to no mobile network.
fn phone(seed: u64, citizen: usize) -> String {
    format!("62810{:03}{:05}", seed % 1_000, citizen % 100_000)
}

fn shifted(at: Duration, milliseconds: i64) -> Duration {
    let by = Duration::from_millis(milliseconds.unsigned_abs());
    if milliseconds < 0 { at.saturating_sub(by) } else { at + by }
}

/// A few pictures, of which everybody sends one: drawing is slow, and each citizen names theirs by an id of their own.
fn pictures(random: &mut Random) -> Vec<Medium> {
    let manners = [Manner::Fine, Manner::Fine, Manner::Fine, Manner::Slow, Manner::Slow, Manner::Broken, Manner::Gone, Manner::Torn];
    let drawn = [Scene::Pothole, Scene::Rubbish].map(|scene| scene::photo(scene, random));
    let medium = |(number, manner): (usize, &Manner)| {
        let bytes = match manner {
            Manner::Torn => b"<html>tidak ditemukan</html>".to_vec(),
            _ => drawn[number % drawn.len()].clone(),
        };
        Medium { id: format!("81{number:02}"), bytes, manner: *manner }
    };
    manners.iter().enumerate().map(medium).collect()
}

/// A form as a gateway posts it.
fn form_encoded(fields: &[(&str, &str)]) -> Vec<u8> {
    let encoded = |text: &str| {
        text.bytes().fold(String::new(), |mut all, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
                all.push(char::from(byte));
            } else {
                use std::fmt::Write as _;
                let _ = write!(all, "%{byte:02X}"); // writing into a String cannot fail
            }
            all
        })
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn shape(seed: u64) -> Shape {
        Shape {
            seed,
            began: Timestamp::UNIX_EPOCH,
            citizens: 400,
            time: Duration::from_mins(1),
            ways: Way::ALL.to_vec(),
            again: 30,
            in_bursts: 40,
        }
    }

    #[test]
    fn one_seed_is_the_same_bytes_in_the_same_order_and_another_is_not() {
        let (one, same, other) = (Plan::new(shape(7)), Plan::new(shape(7)), Plan::new(shape(8)));
        assert_eq!(one.items, same.items);
        assert_eq!(one.deliveries, same.deliveries);
        assert_eq!(one.media, same.media);
        assert_ne!(one.items, other.items);
        assert_ne!(one.deliveries, other.deliveries);
    }

    #[test]
    fn everybody_says_one_thing_and_three_of_ten_things_are_brought_again() {
        let plan = Plan::new(shape(3));
        let mut said: BTreeMap<usize, usize> = BTreeMap::new();
        for item in plan.items.iter().filter(|item| !item.is_photo) {
            *said.entry(item.citizen).or_default() += 1;
        }
        assert_eq!(said.len(), 400);
        assert!(said.values().all(|count| *count == 1));
        let pushed = plan.items.iter().filter(|item| !matches!(item.way, Way::X | Way::Mail)).count();
        let again = plan.deliveries.iter().filter(|delivery| delivery.again).count();
        assert!((pushed / 5..pushed * 2 / 5).contains(&again), "{again} of {pushed}");
        assert_eq!(plan.deliveries.len(), plan.items.len() + again);
        let ids: BTreeSet<&str> = plan.items.iter().filter(|item| item.way != Way::X).map(|item| item.id.as_str()).collect();
        assert_eq!(ids.len(), plan.items.iter().filter(|item| item.way != Way::X).count(), "each has a name of its own");
    }

    #[test]
    fn some_photos_come_before_their_words_some_in_the_same_moment_and_some_are_slow_or_broken() {
        let plan = Plan::new(Shape { ways: vec![Way::Whatsapp], ..shape(5) });
        let first = |citizen: usize, photo: bool| {
            let here = |delivery: &&Delivery| {
                let item = &plan.items[delivery.item];
                item.citizen == citizen && item.is_photo == photo && !delivery.again
            };
            plan.deliveries.iter().find(here).map(|delivery| delivery.at)
        };
        let gaps: Vec<_> = (0..400).filter_map(|citizen| Some((first(citizen, true)?, first(citizen, false)?))).collect();
        assert!(gaps.iter().any(|(photo, words)| photo < words) && gaps.iter().any(|(photo, words)| photo > words));
        assert!(gaps.iter().any(|(photo, words)| photo == words));
        assert_eq!(gaps.len(), plan.media.len());
        for manner in [Manner::Fine, Manner::Slow, Manner::Broken, Manner::Gone, Manner::Torn] {
            assert!(plan.media.iter().any(|medium| medium.manner == manner), "{manner:?}");
        }
    }

    #[test]
    fn planted_incidents_are_told_of_by_several_at_one_place() {
        let plan = Plan::new(shape(9));
        let mut told: BTreeMap<usize, usize> = BTreeMap::new();
        for which in plan.citizens.iter().filter_map(|citizen| citizen.planted) {
            *told.entry(which).or_default() += 1;
        }
        assert!(told.len() > plan.planted / 2 && told.values().any(|count| *count > 2), "{told:?}");
    }
}
