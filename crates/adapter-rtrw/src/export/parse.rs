//! From the text of an export to its messages. Never fails: what cannot be understood is text.

use jiff::civil::{Date, DateTime};

use super::{
    header::{DateOrder, Stamp, header, is_mark},
    phrases,
};

/// More messages than this are not read: years of a busy group.
const MOST_MESSAGES: usize = 50_000;
/// Characters of one message; WhatsApp itself takes 65,536.
const LONGEST_TEXT: usize = 70_000;
/// Characters of a name: WhatsApp takes 25, address books take more.
const LONGEST_NAME: usize = 100;

/// A chat as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// In the order of the file.
    pub messages: Vec<Message>,
    /// How the dates were read.
    pub order: DateOrder,
    /// Whether they could have been read in another way just as well: a person must look.
    pub doubtful: bool,
    /// How many messages were left out because there were more than are read.
    pub left_out: usize,
}

/// One thing that was said in the group.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// When, by the clock of the telephone that exported it.
    pub at: DateTime,
    /// Who, as that telephone calls them; `None`: WhatsApp itself.
    pub author: Option<String>,
    /// The words, without what WhatsApp added.
    pub text: String,
    /// The file that came with it.
    pub media: Option<Media>,
    /// Where it points on the map: degrees north and east.
    pub place: Option<(f64, f64)>,
    /// What became of it.
    pub kind: Kind,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Said by somebody.
    Said,
    /// Said and changed afterwards: these are the words after the change.
    Edited,
    /// Taken back: there are no words.
    Deleted,
    /// WhatsApp speaks of the group.
    System,
}

/// A file that belongs to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// It lies beside the chat under this name.
    Named(String),
    /// It was not exported.
    Omitted,
}

/// Reads the text of an export. `today` is for dates without a year.
pub fn parse(text: &str, today: Date) -> Chat {
    let raw = split(text);
    let (order, doubtful) = order_of(&raw, today);
    let mut messages = Vec::new();
    let mut left_out = 0;
    for (stamp, said) in raw {
        // A date that is none in the order of all others is no header: its words belong to what was said before.
        match stamp.moment(order, today) {
            Some(_) if messages.len() == MOST_MESSAGES => left_out += 1,
            Some(at) => messages.push(message(at, &said)),
            None => {}
        }
    }
    Chat { messages, order, doubtful, left_out }
}

/// Lines with a time begin something; the others go on with it.
fn split(text: &str) -> Vec<(Stamp, String)> {
    let mut found: Vec<(Stamp, String)> = Vec::new();
    for line in text.split('\n').map(|line| line.trim_end_matches('\r')) {
        match (header(line), found.last_mut()) {
            (Some((stamp, rest)), _) => found.push((stamp, rest.to_owned())),
            (None, Some((_, said))) if said.len() < LONGEST_TEXT * 4 => {
                said.push('\n');
                said.push_str(line);
            }
            (None, _) => {}
        }
    }
    found
}

/// The order in which most dates are dates; among those that read all, the one in which time goes forward.
fn order_of(raw: &[(Stamp, String)], today: Date) -> (DateOrder, bool) {
    let judge = |order: DateOrder| {
        let moments: Vec<DateTime> = raw.iter().filter_map(|(stamp, _)| stamp.moment(order, today)).collect();
        let back = moments.windows(2).filter(|pair| pair[1] < pair[0]).count();
        let ahead = moments.iter().filter(|moment| moment.date() > today.tomorrow().unwrap_or(today)).count();
        (raw.len() - moments.len(), back + ahead)
    };
    // With AM and PM the month stands first more often; everywhere else the day does.
    let mut orders = DateOrder::ALL;
    if raw.first().is_some_and(|(stamp, _)| stamp.halves && stamp.date.2.is_some()) {
        orders.swap(0, 1);
    }
    let scores = orders.map(judge);
    let best = scores.iter().min().copied().unwrap_or_default();
    let place = scores.iter().position(|score| *score == best).unwrap_or(0);
    let doubtful = !raw.is_empty() && scores.iter().filter(|score| **score == best).count() > 1;
    (orders[place], doubtful)
}

fn message(at: DateTime, said: &str) -> Message {
    let (author, words) = author_and_words(said);
    let Some(author) = author else {
        return Message { at, author: None, text: bare(words), media: None, place: None, kind: Kind::System };
    };
    let (text, kind) = without_edit(bare(words));
    if phrases::DELETED.contains(&text.trim_end_matches('.').to_lowercase().as_str()) {
        return Message { at, author: Some(author), text: String::new(), media: None, place: None, kind: Kind::Deleted };
    }
    let (text, media) = without_media(&text);
    let place = place(&text);
    let text: String = text.chars().take(LONGEST_TEXT).collect();
    Message { at, author: Some(author), text, media, place, kind }
}

/// `Name: words`. Lines without a name are WhatsApp's own; so are those where a telephone put the group's name before such a line, and
/// marked the words.
fn author_and_words(said: &str) -> (Option<String>, &str) {
    let first_line = said.split('\n').next().unwrap_or_default();
    let Some(end) = first_line.find(": ").or_else(|| first_line.strip_suffix(':').map(str::len)) else { return (None, said) };
    let name = bare(&said[..end]).trim_start_matches('~').trim().to_owned();
    let words = said[end + 1..].strip_prefix(' ').unwrap_or(&said[end + 1..]);
    let is_system = |text: &str| {
        let text = bare(text).to_lowercase();
        phrases::SYSTEM.iter().any(|phrase| text.contains(phrase))
    };
    let marked = words.starts_with(is_mark) && !words.contains('\n') && is_system(words);
    let no_name = name.is_empty() || name.chars().count() > LONGEST_NAME || is_system(&name);
    if no_name || marked { (None, if marked { words } else { said }) } else { (Some(name), words) }
}

/// Without marks, without white space at the ends.
fn bare(text: &str) -> String {
    text.chars().filter(|c| !is_mark(*c) && *c != '\0').collect::<String>().trim().to_owned()
}

fn without_edit(text: String) -> (String, Kind) {
    let lower = text.to_lowercase();
    match phrases::EDITED.iter().find(|phrase| lower.ends_with(**phrase)) {
        // Lower case may have another length; what is cut is counted from the end, in characters.
        Some(phrase) => {
            let keep = text.chars().count() - phrase.chars().count();
            (text.chars().take(keep).collect::<String>().trim_end().to_owned(), Kind::Edited)
        }
        None => (text, Kind::Said),
    }
}

/// The words without the line that speaks of a file, and the file.
fn without_media(text: &str) -> (String, Option<Media>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let lower = first.to_lowercase();
    if phrases::OMITTED.contains(&lower.as_str()) || is_omitted(&lower) {
        return (rest.trim().to_owned(), Some(Media::Omitted));
    }
    if let Some(name) = phrases::ATTACHED.iter().find_map(|phrase| cut_end(first, &lower, phrase)).and_then(file_name) {
        return (rest.trim().to_owned(), Some(Media::Named(name)));
    }
    // On iPhones the file stands behind the words.
    for (place, line) in text.split('\n').enumerate() {
        let lower = line.to_lowercase();
        let Some(at) = phrases::ATTACHED_PREFIX.iter().find_map(|prefix| lower.rfind(prefix).map(|at| (at, prefix.len()))) else {
            continue;
        };
        let named = (lower.len() == line.len()).then(|| line.get(at.0 + at.1..)).flatten();
        let Some(name) = named.and_then(|name| name.trim_end().strip_suffix('>')).and_then(file_name) else { continue };
        let words = text.split('\n').enumerate().map(|(n, other)| if n == place { line[..at.0].trim_end() } else { other });
        return (words.collect::<Vec<_>>().join("\n").trim().to_owned(), Some(Media::Named(name)));
    }
    (text.to_owned(), None)
}

fn is_omitted(lower: &str) -> bool {
    let kind = phrases::OMITTED_SUFFIX.iter().find_map(|suffix| lower.strip_suffix(suffix));
    kind.is_some_and(|kind| phrases::OMITTED_KINDS.contains(&kind))
}

/// What stands before a phrase at the end, in the text's own letters.
fn cut_end<'a>(text: &'a str, lower: &str, phrase: &str) -> Option<&'a str> {
    (lower.len() == text.len() && lower.ends_with(phrase)).then(|| text.get(..text.len() - phrase.len())).flatten().map(str::trim)
}

/// A name, never a path.
fn file_name(name: &str) -> Option<String> {
    let name = name.trim();
    let fits = !name.is_empty() && name.len() <= 255 && !name.contains(['/', '\\']) && !name.chars().any(char::is_control) && name != "..";
    fits.then(|| name.to_owned())
}

/// The point in `lokasi: https://maps.google.com/?q=-6.2,106.8`.
fn place(text: &str) -> Option<(f64, f64)> {
    let lower = text.to_lowercase();
    let at = phrases::PLACE.iter().find_map(|phrase| lower.find(phrase))?;
    let query =
        lower.get(at..)?.split_whitespace().find_map(|word| word.split_once("?q=")).filter(|(host, _)| host.contains("maps.google"))?.1;
    let (lat, lon) = query.split_once(',')?;
    let number =
        |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().ok().filter(|degrees| degrees.is_finite());
    let (lat, lon) = (number(lat)?, number(lon)?);
    (lat.abs() <= 90.0 && lon.abs() <= 180.0).then_some((lat, lon))
}
