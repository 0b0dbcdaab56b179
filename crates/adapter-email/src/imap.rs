//! The road, step 1: mail is looked for by its UIDs. The mailbox is opened read-only; what a person there has read or not plays no part.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use adapter_sdk::{Batch, BoxError, Bytes, FetchError, Item, outgoing::tls};
use async_imap::{
    Client,
    error::Error as ImapError,
    extensions::idle::IdleResponse,
    types::{Mailbox as Opened, UnsolicitedResponse},
};
use futures::{StreamExt, TryStreamExt};
use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tracing::{info, warn};

use crate::{
    Email,
    config::{Account, Security, Server},
    login::{Ticket, XOAuth2},
    parse::says,
};

/// Mails of one poll, and about how many bytes.
const MOST_MAILS: usize = 20;
const MOST_BYTES: usize = 48 << 20;
/// What is read of a mail that is too large: head and first words.
pub(crate) const BEGINNING: usize = 256 * 1024;
/// How often the server may say no to one mail before it is left to a person, and how often the line may break over it.
const MOST_REFUSALS: u32 = 3;
const MOST_BREAKS: u32 = 12;
/// A body may take longer than a word.
const BODY: u32 = 5;
/// Folders that cannot be listened to are looked at so often.
const LOOK: Duration = Duration::from_mins(1);

/// A connection's bytes, protected or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Wire for T {}

pub(crate) type Session = async_imap::Session<Box<dyn Wire>>;

/// What goes wrong with a mail server. Nothing it said is repeated: it may name people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the mail server cannot be reached")]
    Connect(#[source] std::io::Error),
    #[error("the mail server does not answer in time")]
    Silent,
    #[error("no protected connection to the mail server")]
    Tls(#[from] tls::TlsError),
    #[error("the mail server offers no STARTTLS")]
    NoStartTls,
    #[error("the mail server refuses the login")]
    Login,
    #[error("nothing to log in with")]
    Ticket(#[source] BoxError),
    #[error("the connection to the mail server broke")]
    Lost,
    #[error("the mail server says no")]
    Refused,
}

impl From<ImapError> for Trouble {
    fn from(error: ImapError) -> Self {
        match error {
            ImapError::No(_) | ImapError::Bad(_) | ImapError::Parse(_) | ImapError::Validate(_) => Self::Refused,
            _ => Self::Lost,
        }
    }
}

impl From<Trouble> for FetchError {
    fn from(trouble: Trouble) -> Self {
        Self::Later(trouble.into())
    }
}

/// A session that waits for its next use.
pub(crate) struct Open {
    pub(crate) session: Session,
    pub(crate) can_idle: bool,
    /// The certificate that the server showed.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// The sessions between two polls, and the mails that would not come.
#[derive(Default)]
pub(crate) struct Sessions {
    idle: Mutex<HashMap<String, Open>>,
    failures: Mutex<HashMap<(String, String, u32), Failures>>,
}

#[derive(Default, Clone, Copy)]
struct Failures {
    refused: u32,
    broken: u32,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    fn take(&self, account: &str) -> Option<Open> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).remove(account)
    }

    fn keep(&self, account: &str, open: Open) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned(), open);
    }

    fn failures(&self, mail: &(String, String, u32)) -> Failures {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(mail).copied().unwrap_or_default()
    }

    fn failed(&self, mail: (String, String, u32), trouble: &Trouble) {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.entry(mail).or_default();
        match trouble {
            Trouble::Refused => failures.refused += 1,
            _ => failures.broken += 1,
        }
    }

    fn came(&self, mail: &(String, String, u32)) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(mail);
    }
}

/// Where we are in each folder: the cursor of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Places(BTreeMap<String, Place>);

/// Where we are in one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The generation of the UIDs.
    validity: u32,
    /// The last that was passed.
    uid: u32,
    /// When that was.
    day: Date,
}

impl Places {
    fn read(cursor: Option<&[u8]>) -> Self {
        cursor.and_then(|cursor| serde_json::from_slice(cursor).ok()).unwrap_or_default()
    }

    fn written(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }
}

/// Which mails of a folder to ask for.
#[derive(Debug, PartialEq, Eq)]
enum Search {
    /// There are none.
    Nothing,
    /// Those after a UID.
    After(u32),
    /// Those that came since a day: we never were here, or the UIDs mean other mails now.
    Since(Date),
}

/// Decides from what the server says of the folder.
fn search(place: Option<Place>, folder: &Opened, today: Date, look_back: u32) -> Search {
    let days = i64::from(look_back.max(1));
    let before = |day: Date| day.saturating_sub(days.days());
    let validity = folder.uid_validity.unwrap_or(0);
    match place {
        None => Search::Since(before(today)),
        Some(place) if place.validity != validity => Search::Since(before(place.day)),
        // The server was put back to an older state and did not say so.
        Some(place) if folder.uid_next.is_some_and(|next| next <= place.uid) => Search::Since(before(place.day)),
        Some(place) if folder.uid_next.is_some_and(|next| next == place.uid + 1) => Search::Nothing,
        Some(place) => Search::After(place.uid),
    }
}

impl Search {
    fn words(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::After(uid) => Some(format!("UID {}:*", uid.saturating_add(1))),
            Self::Since(day) => Some(format!("SINCE {}", day.strftime("%-d-%b-%Y"))),
        }
    }

    /// The server answers `n:*` with its last mail even where that is older.
    fn wants(&self, uid: u32) -> bool {
        match self {
            Self::Nothing => false,
            Self::After(last) => uid > *last,
            Self::Since(_) => true,
        }
    }
}

/// What one look at the folders found.
#[derive(Default)]
struct Found {
    items: Vec<Item>,
    moved: bool,
}

impl Email {
    /// One poll: what is new, or else a wait for news.
    pub(crate) async fn look(&self, address: &str, cursor: Option<Vec<u8>>) -> Result<Batch, FetchError> {
        let account = self.account(address).ok_or_else(|| FetchError::Gone("no such account is configured".to_owned()))?;
        let mut open = if let Some(open) = self.sessions.take(address) {
            open
        } else {
            let open = self.connect(account).await?;
            info!(account = address, idle = open.can_idle, "Opened the mailbox.");
            open
        };
        let mut places = Places::read(cursor.as_deref());
        let found = self.new_mails(account, &mut open, &mut places, today()).await?;
        if found.items.is_empty() && !found.moved {
            open = self.wait(account, open).await?;
            self.sessions.keep(address, open);
            return Ok(Batch { items: Vec::new(), cursor: None, more: false });
        }
        self.sessions.keep(address, open);
        Ok(Batch { more: !found.items.is_empty(), items: found.items, cursor: places.written() })
    }

    /// A step of a conversation, which ends in time or not at all.
    pub(crate) async fn in_time<T, E: Into<Trouble>>(&self, step: impl Future<Output = Result<T, E>>) -> Result<T, Trouble> {
        timeout(self.config.patience(), step).await.map_err(|_| Trouble::Silent)?.map_err(Into::into)
    }

    /// A session, logged in.
    pub(crate) async fn connect(&self, account: &Account) -> Result<Open, Trouble> {
        let server = &account.imap;
        let address = (server.host.as_str(), server.port(993, 143));
        let tcp =
            timeout(self.config.patience(), TcpStream::connect(address)).await.map_err(|_| Trouble::Silent)?.map_err(Trouble::Connect)?;
        tcp.set_nodelay(true).map_err(Trouble::Connect)?;
        let (stream, certificate) = self.in_time(protected(tcp, server)).await?;
        let mut client = Client::new(stream);
        if server.security != Security::Starttls {
            self.in_time(async { client.read_response().await.map_err(ImapError::from) }).await?;
        }
        let mut session = self.enter(client, server).await?;
        let capabilities = self.in_time(session.capabilities()).await?;
        Ok(Open { session, can_idle: capabilities.has_str("IDLE"), certificate })
    }

    async fn enter(&self, client: Client<Box<dyn Wire>>, server: &Server) -> Result<Session, Trouble> {
        let ticket = self.tokens.ticket(server, &self.http).await.map_err(Trouble::Ticket)?;
        let entering = async {
            match ticket {
                Ticket::Password(password) => client.login(&server.user, &password).await,
                Ticket::Token(token) => client.authenticate("XOAUTH2", XOAuth2::new(&server.user, &token)).await,
            }
        };
        let entered = timeout(self.config.patience(), entering).await.map_err(|_| Trouble::Silent)?;
        let error = match entered {
            Ok(session) => return Ok(session),
            Err((error, _)) => error,
        };
        self.tokens.forget(server).await;
        Err(match Trouble::from(error) {
            Trouble::Refused => Trouble::Login,
            other => other,
        })
    }

    /// Looks at every folder, the one that is listened to last. A line that breaks half-way gives what came before.
    async fn new_mails(&self, account: &Account, open: &mut Open, places: &mut Places, today: Date) -> Result<Found, Trouble> {
        let mut found = Found::default();
        for folder in account.folders.iter().rev() {
            match self.in_folder(account, folder, open, places, today, &mut found).await {
                Ok(()) => {}
                Err(trouble) if found.items.is_empty() => return Err(trouble),
                Err(trouble) => {
                    warn!(
                        account = account.address,
                        error = &trouble as &dyn std::error::Error,
                        "The mailbox broke off; what came before is kept."
                    );
                    return Ok(found);
                }
            }
            if !found.items.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    async fn in_folder(
        &self,
        account: &Account,
        folder: &str,
        open: &mut Open,
        places: &mut Places,
        today: Date,
        found: &mut Found,
    ) -> Result<(), Trouble> {
        let opened = self.in_time(open.session.examine(folder)).await?;
        while open.session.unsolicited_responses.try_recv().is_ok() {}
        let before = places.0.get(folder).copied();
        let search = search(before, &opened, today, self.config.look_back);
        if let (Some(_), Search::Since(day)) = (before, &search) {
            warn!(account = account.address, %day, "The UIDs of a folder are new: its mails are read again from that day; known ones are known.");
        }
        let validity = opened.uid_validity.unwrap_or(0);
        let Some(words) = search.words() else { return Ok(()) };
        let mut uids: Vec<u32> = self.in_time(open.session.uid_search(words)).await?.into_iter().filter(|&uid| search.wants(uid)).collect();
        uids.sort_unstable();
        // Everything below is passed, whether it is wanted or not.
        let end = opened.uid_next.map_or_else(|| uids.last().copied().unwrap_or(0), |next| next.saturating_sub(1));
        let more = uids.len() > MOST_MAILS;
        uids.truncate(MOST_MAILS);
        let sizes = self.sizes(open, &uids).await?;
        let mut bytes = 0;
        for (number, &uid) in uids.iter().enumerate() {
            let Some(&size) = sizes.get(&uid) else { continue };
            let item = self.mail(account, folder, open, uid, size).await?;
            let last = uids.get(number + 1).is_none() && !more;
            let passed = if last { end.max(uid) } else { uid };
            places.0.insert(folder.to_owned(), Place { validity, uid: passed, day: today });
            found.moved = true;
            bytes += item.as_ref().map_or(0, |item| item.body.len());
            found.items.extend(item);
            if bytes > MOST_BYTES {
                return Ok(());
            }
        }
        if sizes.is_empty() && !more {
            let place = Place {
                validity,
                uid: end.max(before.filter(|_| matches!(search, Search::After(_))).map_or(0, |place| place.uid)),
                day: today,
            };
            found.moved |= before.is_none_or(|before| (before.validity, before.uid) != (place.validity, place.uid));
            places.0.insert(folder.to_owned(), place);
        }
        Ok(())
    }

    async fn sizes(&self, open: &mut Open, uids: &[u32]) -> Result<HashMap<u32, u32>, Trouble> {
        if uids.is_empty() {
            return Ok(HashMap::new());
        }
        let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let listing = async { open.session.uid_fetch(set, "(UID RFC822.SIZE)").await?.try_collect::<Vec<_>>().await };
        let listed = self.in_time(listing).await?;
        if listed.is_empty() {
            // No and a broken line look alike.
            self.in_time(open.session.noop()).await?;
        }
        Ok(listed.iter().filter_map(|mail| Some((mail.uid?, mail.size.unwrap_or(0)))).collect())
    }

    /// One mail. One that is too large is its beginning; one that the server does not give out, again and again, is a note for a person.
    async fn mail(&self, account: &Account, folder: &str, open: &mut Open, uid: u32, size: u32) -> Result<Option<Item>, Trouble> {
        let mail = (account.address.clone(), folder.to_owned(), uid);
        let failures = self.sessions.failures(&mail);
        let mut headers = vec![(says::ACCOUNT.to_owned(), account.address.to_lowercase()), ("folder".to_owned(), folder.to_owned())];
        if failures.refused >= MOST_REFUSALS || failures.broken >= MOST_BREAKS {
            warn!(account = account.address, uid, "The mail server does not give a mail out: it is left to a person.");
            headers.push((says::REFUSED.to_owned(), uid.to_string()));
            self.sessions.came(&mail);
            return Ok(Some(Item { headers, body: Bytes::from(format!("uid {uid}")) }));
        }
        let too_large = usize::try_from(size).unwrap_or(usize::MAX) > self.config.max_mail.get();
        let what = if too_large { format!("(UID BODY.PEEK[]<0.{BEGINNING}>)") } else { "(UID BODY.PEEK[])".to_owned() };
        if too_large {
            warn!(account = account.address, uid, size, "A mail is larger than `max_mail`: its beginning is taken.");
            headers.push((says::SIZE.to_owned(), size.to_string()));
        }
        match self.body(open, uid, &what).await {
            Ok(Some(body)) => {
                self.sessions.came(&mail);
                Ok(Some(Item { headers, body }))
            }
            Ok(None) => Ok(None),
            Err(trouble) => {
                self.sessions.failed(mail, &trouble);
                Err(trouble)
            }
        }
    }

    /// `None`: it is gone meanwhile.
    async fn body(&self, open: &mut Open, uid: u32, what: &str) -> Result<Option<Bytes>, Trouble> {
        let fetching = async {
            let mut mails = open.session.uid_fetch(uid.to_string(), what).await?;
            let mut body = None;
            while let Some(mail) = mails.next().await {
                let mail = mail?;
                if mail.uid == Some(uid) {
                    body = mail.body().map(Bytes::copy_from_slice).or(body);
                }
            }
            Ok::<_, ImapError>(body)
        };
        let body = timeout(self.config.patience() * BODY, fetching).await.map_err(|_| Trouble::Silent)?.map_err(Trouble::from)?;
        if body.is_some() {
            return Ok(body);
        }
        let there = self.in_time(open.session.uid_search(format!("UID {uid}"))).await?;
        if there.contains(&uid) { Err(Trouble::Refused) } else { Ok(None) }
    }

    /// Waits until the server has news of the first folder, for so long.
    async fn wait(&self, account: &Account, open: Open) -> Result<Open, Trouble> {
        let several = account.folders.len() > 1 || !open.can_idle;
        let patience = if several { self.config.idle().min(LOOK) } else { self.config.idle() };
        let Open { mut session, can_idle, certificate } = open;
        if !can_idle {
            tokio::time::sleep(patience).await;
            self.in_time(session.noop()).await?;
            return Ok(Open { session, can_idle, certificate });
        }
        let news = session.unsolicited_responses.clone();
        let mut idle = session.idle();
        self.in_time(idle.init()).await?;
        // What came between our look and the IDLE was told already.
        let told = std::iter::from_fn(|| news.try_recv().ok()).any(|news| matches!(news, UnsolicitedResponse::Exists(_)));
        if !told {
            let (waiting, _interrupt) = idle.wait_with_timeout(patience);
            match timeout(patience + self.config.patience(), waiting).await {
                // The library says this when the line breaks; we interrupt nothing.
                Ok(Ok(IdleResponse::ManualInterrupt)) => return Err(Trouble::Lost),
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(error)) => return Err(error.into()),
            }
        }
        let session = self.in_time(idle.done()).await?;
        Ok(Open { session, can_idle, certificate })
    }
}

/// The connection, protected as the configuration says, and the certificate that was shown.
async fn protected(tcp: TcpStream, server: &Server) -> Result<(Box<dyn Wire>, Option<Vec<u8>>), Trouble> {
    let tcp = match server.security {
        Security::None => return Ok((Box::new(tcp), None)),
        Security::Tls => tcp,
        Security::Starttls => {
            let mut client = Client::new(tcp);
            client.read_response().await.map_err(ImapError::from)?;
            client.run_command_and_check_ok("STARTTLS", None).await.map_err(|_| Trouble::NoStartTls)?;
            client.into_inner()
        }
    };
    let protected = tls::protect(tcp, &server.host, server.ca.as_deref()).await?;
    let certificate = protected.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
    Ok((Box::new(protected), certificate))
}

/// The edge where the clock is read.
fn today() -> Date {
    #[expect(clippy::disallowed_methods, reason = "polling is an edge")]
    let now = adapter_sdk::Timestamp::now();
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 21);

    fn folder(validity: u32, next: Option<u32>) -> Opened {
        Opened { uid_validity: Some(validity), uid_next: next, ..Opened::default() }
    }

    #[test]
    fn what_to_ask_for_follows_from_where_we_were() {
        let place = Some(Place { validity: 7, uid: 41, day: date(2026, 11, 10) });
        assert_eq!(search(None, &folder(7, Some(42)), TODAY, 7), Search::Since(date(2026, 11, 14)));
        assert_eq!(search(place, &folder(7, Some(42)), TODAY, 7), Search::Nothing);
        assert_eq!(search(place, &folder(7, Some(50)), TODAY, 7), Search::After(41));
        assert_eq!(search(place, &folder(7, None), TODAY, 7), Search::After(41), "a server that does not say what comes next");
        assert_eq!(search(place, &folder(8, Some(50)), TODAY, 7), Search::Since(date(2026, 11, 3)), "other UIDs");
        assert_eq!(search(place, &folder(7, Some(12)), TODAY, 7), Search::Since(date(2026, 11, 3)), "put back, in silence");
        assert_eq!(Search::Since(date(2026, 11, 3)).words().as_deref(), Some("SINCE 3-Nov-2026"));
        assert!(!Search::After(41).wants(41), "the last mail, which `42:*` gives where there is nothing new");
    }

    #[test]
    fn a_cursor_is_read_again_and_anything_else_is_a_beginning() {
        let places = Places(BTreeMap::from([("INBOX".to_owned(), Place { validity: 7, uid: 41, day: TODAY })]));
        assert_eq!(Places::read(places.written().as_deref()), places);
        assert_eq!(Places::read(Some(b"12")), Places::default());
        assert_eq!(Places::read(None), Places::default());
    }
}
