//! Files, in Telegram's two steps: ask for the path, which lives an hour, then get the file there. Our token is in both addresses.

use adapter_sdk::{Bytes, FetchError, RemoteMedia};

use crate::{
    Telegram,
    api::NoAnswer,
    parse::{ACCOUNT, SIZE},
    wire::Found,
};

/// The largest file that the public Bot API gives, in bytes.
const LARGEST: u64 = 20 * 1024 * 1024;
/// What staff read of a larger one.
const TOO_LARGE: &str = "larger than 20 MB: Telegram gives a bot no such file";

impl Telegram {
    /// Downloads one file.
    pub(crate) async fn download(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        let id = media.params.get(ACCOUNT).map(String::as_str).unwrap_or_default();
        let bot = self.bot(id).ok_or_else(|| FetchError::Gone("no such bot is configured".to_owned()))?;
        if media.params.get(SIZE).and_then(|size| size.parse().ok()).is_some_and(|size: u64| size > LARGEST) {
            return Err(FetchError::Gone(TOO_LARGE.to_owned()));
        }
        let question = self.api.get(bot, "getFile").query(&[("file_id", media.id.as_str())]);
        let found: Found = self.api.ask(bot, question).await.map_err(refused)?;
        let path = found.file_path.text().ok_or_else(|| FetchError::Gone("the platform names no place where it is".to_owned()))?;
        let answer = self.api.file(bot, path).send().await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(FetchError::from_answer(&answer)) }
    }
}

/// Of a file whose size was not told with the message, Telegram says here that it is too large.
fn refused(no: NoAnswer) -> FetchError {
    match no {
        NoAnswer::No(no) if no.code == 400 && no.words.contains("too big") => FetchError::Gone(TOO_LARGE.to_owned()),
        no => no.into_fetch(),
    }
}
