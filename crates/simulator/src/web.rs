//! Citizens at the web form: a real multipart POST, as a browser without JavaScript sends it.

use std::fmt::Write as _;

use crate::{
    Random,
    city::{Grievance, Person},
    webhook,
};

/// What somebody filled in.
#[derive(Debug, Clone, Default)]
pub struct Filled {
    fields: Vec<(String, String)>,
    files: Vec<(String, String, String, Vec<u8>)>,
}

/// What the form answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// The page, or where it leads.
    pub page: String,
}

impl Filled {
    /// Fills in a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    /// Chooses a file.
    #[must_use]
    pub fn file(mut self, name: &str, filename: &str, mime: &str, bytes: Vec<u8>) -> Self {
        self.files.push((name.to_owned(), filename.to_owned(), mime.to_owned(), bytes));
        self
    }

    /// The body and its content type.
    pub fn multipart(&self) -> (String, Vec<u8>) {
        // Long and odd enough never to be in a text or a picture.
        let boundary = "----simulator-7d1f0b6c9a5e4f38";
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            body.extend(format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
        }
        for (name, filename, mime, bytes) in &self.files {
            let mut head = String::new();
            let _ = write!(head, "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n");
            let _ = write!(head, "content-type: {mime}\r\n\r\n"); // writing into a String cannot fail
            body.extend(head.into_bytes());
            body.extend(bytes);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").into_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }

    /// Sends it. Redirects are followed, as a browser does.
    pub async fn send(&self, url: &str) -> Answered {
        let (content_type, body) = self.multipart();
        let answer = webhook::client().post(url).header("content-type", content_type).body(body).send().await;
        match answer {
            Ok(answer) => Answered { status: answer.status().as_u16(), page: answer.text().await.unwrap_or_default() },
            Err(_) => Answered { status: 0, page: String::new() },
        }
    }
}

/// Somebody complains at the form of adapter-web: opens the page, fills it in, sends it.
pub async fn complain(form: &str, person: &Person, grievance: &Grievance, photo: Option<Vec<u8>>, random: &mut Random) -> Answered {
    let page = match webhook::client().get(form).send().await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => return Answered { status: 0, page: String::new() },
    };
    // The page was drawn with an id, so that sending twice is sending once.
    let Some(id) = hidden(&page, "kiriman") else { return Answered { status: 0, page } };
    let mut filled = Filled::default().field("kiriman", id).field("bahasa", "id").field("isi", &grievance.text);
    if random.chance(50) {
        filled = filled.field("lat", format!("{:.6}", grievance.lat)).field("lon", format!("{:.6}", grievance.lon));
    } else {
        filled = filled.field("tempat", format!("{}, {}", grievance.place.street, grievance.place.kelurahan));
    }
    if random.chance(50) {
        filled = filled.field("nama", &person.name).field("kontak", format!("+{}", person.phone));
    }
    filled = filled.field("tampil", *random.pick(&["hidden", "hidden", "public"]));
    if let Some(photo) = photo {
        filled = filled.file("foto", "foto.jpg", "image/jpeg", photo);
    }
    filled.send(form).await
}

/// The value of a hidden field.
fn hidden<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_sent_as_a_browser_sends_it() {
        let filled = Filled::default().field("isi", "Lampu mati").file("foto", "a.jpg", "image/jpeg", vec![0xFF, 0xD8]);
        let (content_type, body) = filled.multipart();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
        let text = String::from_utf8_lossy(&body);
        assert_eq!(text.matches(&format!("--{boundary}\r\n")).count(), 2);
        assert!(text.ends_with(&format!("--{boundary}--\r\n")));
        assert!(text.contains("name=\"isi\"\r\n\r\nLampu mati\r\n"));
    }

    #[test]
    fn the_id_of_the_page_is_found() {
        assert_eq!(hidden("<input type=\"hidden\" name=\"kiriman\" value=\"abc\" autocomplete=\"off\">", "kiriman"), Some("abc"));
        assert_eq!(hidden("<p>", "kiriman"), None);
    }
}
