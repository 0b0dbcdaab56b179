//! A small lively city for a screen: people write, wait, ask again, say thank you. One line for every event.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    Order, Platform,
    city::{City, Grievance, Person},
    exif, scene, web,
    x::XPlatform,
};

/// How the city is played.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The WhatsApp adapter's webhook; `None`: nobody uses WhatsApp.
    pub whatsapp: Option<String>,
    /// The app's secret, with which the webhook is signed.
    pub app_secret: String,
    /// The web form; `None`: nobody uses it.
    pub web: Option<String>,
    /// X, where adapter-x looks; `None`: nobody is there.
    pub x: Option<XPlatform>,
    /// Which city.
    pub seed: u64,
    /// How many people.
    pub people: usize,
    /// The usual time between two events.
    pub pause: Duration,
    /// Ends after so many; `None`: plays until it is stopped.
    pub events: Option<u64>,
}

/// The longest post, in characters.
const LONGEST_POST: usize = 270;

/// Who waits for what.
struct Play {
    demo: Demo,
    city: City,
    platform: Platform,
    say: fn(&str),
    /// Who has written already: they may come back.
    known: Vec<Person>,
    heard: usize,
    /// How many answers on X were shown.
    read: usize,
}

/// Plays the city on a platform until it is over or stopped; `say` gets every line.
pub async fn run(demo: Demo, platform: Platform, stop: CancellationToken, say: fn(&str)) {
    let city = City::new(demo.seed, demo.people);
    for person in &city.people {
        platform.name(&person.phone, &person.name);
    }
    let mut play = Play { demo, city, platform, say, known: Vec::new(), heard: 0, read: 0 };
    let mut event = 0;
    while play.demo.events.is_none_or(|events| event < events) {
        event += 1;
        tokio::select! {
            () = stop.cancelled() => return,
            () = play.event() => (),
        }
        play.listen();
        let pause = play.demo.pause.mul_f64(play.city.random.between(0.3, 1.7));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => (),
        }
        play.settle().await;
    }
}

impl Play {
    async fn event(&mut self) {
        let person = self.city.somebody();
        let on_web = match (&self.demo.whatsapp, &self.demo.web) {
            (Some(_), Some(_)) => self.city.random.chance(25),
            (None, Some(_)) => true,
            _ => false,
        };
        if on_web {
            return self.fills_the_form(&person).await;
        }
        if let Some(x) = self.demo.x.clone().filter(|_| self.city.random.chance(12)) {
            return self.posts(&x, &person);
        }
        match self.city.random.below(100) {
            0..30 => self.writes(&person).await,
            30..55 => self.sends_a_photo(&person).await,
            55..63 => self.sends_place_and_words(&person).await,
            63..68 => self.speaks(&person).await,
            68..84 => self.comes_back().await,
            84..90 => self.is_glad().await,
            90..96 => self.is_told_again().await,
            _ => self.everybody_at_once().await,
        }
    }

    /// In public, to our account.
    fn posts(&mut self, x: &XPlatform, person: &Person) {
        let grievance = self.city.grievance(person.manner);
        let digits = person.phone.get(person.phone.len().saturating_sub(6)..).unwrap_or(&person.phone);
        let words: String = format!("@lapor_contoh {}", grievance.text).chars().take(LONGEST_POST).collect();
        x.post(&format!("warga_{digits}"), words.as_str());
        self.line("X", &person.name, &words, &[]);
    }

    async fn writes(&mut self, person: &Person) {
        let grievance = self.city.grievance(person.manner);
        self.platform.text(&person.phone, &grievance.text);
        self.deliver(person, &grievance.text, Order::AsItHappened).await;
    }

    async fn sends_a_photo(&mut self, person: &Person) {
        let grievance = self.city.grievance(person.manner);
        let photo = self.photo(&grievance);
        let words = if self.city.random.chance(70) {
            self.platform.photo(&person.phone, Some(&grievance.text), photo);
            format!("[foto] {}", grievance.text)
        } else {
            // First the photo, then the words: one complaint all the same.
            self.platform.photo(&person.phone, None, photo);
            self.platform.text(&person.phone, &grievance.text);
            format!("[foto, lalu] {}", grievance.text)
        };
        self.deliver(person, &words, Order::AsItHappened).await;
    }

    async fn sends_place_and_words(&mut self, person: &Person) {
        let grievance = self.city.grievance(person.manner);
        self.platform.text(&person.phone, &grievance.text);
        self.platform.location(&person.phone, grievance.lat, grievance.lon, None);
        let seed = self.city.random.bits();
        self.deliver(person, &format!("[lokasi] {}", grievance.text), Order::Shuffled(seed)).await;
    }

    async fn speaks(&mut self, person: &Person) {
        let sound = voice(self.city.random.below(3) + 2);
        self.platform.voice(&person.phone, sound);
        self.deliver(person, "[pesan suara]", Order::AsItHappened).await;
    }

    async fn comes_back(&mut self) {
        let Some(person) = self.somebody_known() else { return };
        let last = self.platform.received(&person.phone).pop();
        let number = last.as_ref().and_then(|message| number_in(&message.text));
        let number = number.filter(|_| self.city.random.chance(60));
        let text = self.city.follow_up(person.manner, number.as_deref());
        match last.filter(|_| self.city.random.chance(40)) {
            Some(message) => self.platform.quote(&person.phone, &text, &message.wamid),
            None => self.platform.text(&person.phone, &text),
        };
        self.deliver(&person, &text, Order::AsItHappened).await;
    }

    async fn is_glad(&mut self) {
        let Some(person) = self.somebody_known() else { return };
        let text = self.city.thanks(person.manner);
        self.platform.text(&person.phone, &text);
        self.deliver(&person, &text, Order::AsItHappened).await;
    }

    async fn is_told_again(&mut self) {
        let Some(webhook) = self.demo.whatsapp.clone() else { return };
        let times = 1 + self.city.random.below(4);
        let answers = self.platform.redeliver(times, &webhook, &self.demo.app_secret).await;
        if !answers.is_empty() {
            self.line("WhatsApp", "Meta", &format!("repeats the last {} webhooks", answers.len()), &answers);
        }
    }

    async fn everybody_at_once(&mut self) {
        let Some(webhook) = self.demo.whatsapp.clone() else { return };
        let number = 5 + self.city.random.below(10);
        for _ in 0..number {
            let person = self.city.somebody();
            let text = self.city.grievance(person.manner).text;
            self.platform.text(&person.phone, &text);
            self.remember(&person);
        }
        let answers = self.platform.deliver_in(Order::AtOnce, &webhook, &self.demo.app_secret).await;
        self.line("WhatsApp", "Warga", &format!("{number} people write at once"), &answers);
    }

    async fn fills_the_form(&mut self, person: &Person) {
        let Some(form) = self.demo.web.clone() else { return };
        let grievance = self.city.grievance(person.manner);
        let photo = self.city.random.chance(60).then(|| self.photo(&grievance));
        let answered = web::complain(&form, person, &grievance, photo, &mut self.city.random).await;
        self.line("Web", &person.name, &grievance.text, &[answered.status]);
        if let Some(number) = number_in(&answered.page) {
            (self.say)(&format!("{:>8} → {}: nomor {number}", "", person.name));
        }
    }

    fn photo(&mut self, grievance: &Grievance) -> Vec<u8> {
        let jpeg = scene::photo(grievance.scene, &mut self.city.random);
        if self.city.random.chance(40) {
            let taken = self.platform.now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(7))).datetime();
            exif::with_place(&jpeg, grievance.lat, grievance.lon, taken)
        } else {
            jpeg
        }
    }

    fn somebody_known(&mut self) -> Option<Person> {
        if self.known.is_empty() { None } else { Some(self.city.random.pick(&self.known).clone()) }
    }

    fn remember(&mut self, person: &Person) {
        if !self.known.contains(person) {
            self.known.push(person.clone());
        }
    }

    async fn deliver(&mut self, person: &Person, words: &str, order: Order) {
        let Some(webhook) = self.demo.whatsapp.clone() else { return };
        self.remember(person);
        let answers = self.platform.deliver_in(order, &webhook, &self.demo.app_secret).await;
        self.line("WhatsApp", &person.name, words, &answers);
    }

    /// What became of messages goes to the webhook, and what it did not take the first time.
    async fn settle(&mut self) {
        self.listen();
        if let Some(webhook) = &self.demo.whatsapp {
            self.platform.deliver(webhook, &self.demo.app_secret).await;
        }
    }

    /// What reached people since the last time.
    fn listen(&mut self) {
        let mut all = self.platform.received_by_all();
        all.sort_by_key(|(_, message)| message.at);
        for (phone, message) in all.iter().skip(self.heard) {
            let name = self.city.people.iter().find(|person| person.phone == *phone).map_or(phone.as_str(), |person| &person.name);
            (self.say)(&format!("{:>8} → {name}: {}", "", first_words(&message.text)));
        }
        self.heard = all.len();
        let posted = self.demo.x.as_ref().map(XPlatform::posted).unwrap_or_default();
        for said in posted.iter().skip(self.read) {
            (self.say)(&format!("{:>8} → everybody: {}", "X", first_words(&said.text)));
        }
        self.read = posted.len();
    }

    fn line(&self, way: &str, name: &str, words: &str, answers: &[u16]) {
        let refused = answers.iter().find(|status| !(200..300).contains(*status));
        let mark = refused.map_or(String::new(), |status| format!("   ! answered {status}"));
        (self.say)(&format!("{way:>8} ← {name}: {}{mark}", first_words(words)));
    }
}

/// One line's worth.
fn first_words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(110) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A complaint's number in a reply: three groups of four.
fn number_in(text: &str) -> Option<String> {
    let is_group = |group: &str| group.len() == 4 && group.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let fits = |word: &&str| word.len() == 14 && word.split('-').count() == 3 && word.split('-').all(is_group);
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find(fits).map(str::to_owned)
}

/// A page of an Ogg stream with the head of an Opus stream and silence: enough to be told apart from other files.
fn voice(seconds: usize) -> Vec<u8> {
    let mut ogg = b"OggS\0\x02".to_vec();
    ogg.extend([0; 8]); // position
    ogg.extend(7_u32.to_le_bytes()); // stream
    ogg.extend([0; 8]); // page, checksum
    ogg.extend([1, 19]);
    ogg.extend(b"OpusHead\x01\x01\x38\x01\x80\xBB\0\0\0\0\0");
    ogg.extend(vec![0; seconds * 2000]);
    ogg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_an_acknowledgement() {
        assert_eq!(number_in("Nomor: 7KQ2-M4XT-9PCH\nPantau"), Some("7KQ2-M4XT-9PCH".into()));
        assert_eq!(number_in("tanpa nomor, 2026-11-21"), None);
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(first_words("a\n b"), "a b");
        assert_eq!(first_words(&"kata ".repeat(100)).chars().count(), 111);
    }
}
