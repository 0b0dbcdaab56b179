//! What this door took already, for the page alone: a mark at a message that somebody imported before. Not what keeps a message from being
//! recorded twice: that is its key.

use std::{
    collections::HashMap,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// More than a city's groups bring in years; beyond it the oldest marks fall away with the next start.
const MOST: usize = 200_000;

/// The ids of taken messages, each with the number of its complaint: a line each in a file, `id number`. No words of anybody are in it.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    file: PathBuf,
    numbers: Arc<Mutex<HashMap<String, String>>>,
}

impl Marks {
    /// Reads the file, if there is one. Lines that are not whole, as a power cut leaves them, are passed over.
    pub(crate) fn open(file: PathBuf) -> Self {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).filter(|line| is_line(*line)).collect();
        let numbers = lines.iter().rev().take(MOST).map(|(id, number)| ((*id).to_owned(), (*number).to_owned())).collect();
        Self { file, numbers: Arc::new(Mutex::new(numbers)) }
    }

    /// The number of the complaint that this message went into.
    pub(crate) fn number(&self, id: &str) -> Option<String> {
        self.all().get(id).cloned()
    }

    /// Notes what was taken. A disk that is full costs the mark and nothing else.
    pub(crate) async fn add(&self, ids: Vec<String>, number: String) {
        let here = self.clone();
        let write = move || -> std::io::Result<()> {
            let mut all = here.all();
            let mut lines = String::new();
            for id in ids {
                lines.extend([id.as_str(), " ", number.as_str(), "\n"]);
                all.insert(id, number.clone());
            }
            std::fs::OpenOptions::new().create(true).append(true).open(&here.file)?.write_all(lines.as_bytes())
        };
        let written = tokio::task::spawn_blocking(write).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(error = %error, "Could not note which messages were imported; the page will not mark them.");
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner) // whole between any two statements
    }
}

fn is_line((id, number): (&str, &str)) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && number.len() == 14
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: &str = "7KQ2-M4XT-9PCH";

    #[tokio::test]
    async fn a_mark_outlives_the_program_and_half_a_line_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("taken");
        let (one, two) = ("0123456789abcdef0123456789abcdef", "f".repeat(32));
        let marks = Marks::open(file.clone());
        marks.add(vec![one.to_owned(), two.clone()], NUMBER.to_owned()).await;
        let mut text = std::fs::read_to_string(&file).expect("a file");
        text += "abcdef0123456789";
        std::fs::write(&file, text).expect("written");
        let again = Marks::open(file);
        assert_eq!((again.number(one).as_deref(), again.number(&two).as_deref()), (Some(NUMBER), Some(NUMBER)));
        assert_eq!(again.number("abcdef0123456789"), None);
    }
}
