//! The link: one connection to the operator's centre, bound as a transceiver, asked for when it is silent, and begun again, later and later, when
//! it ends. One task owns it; messages of ours are given to it as orders, what comes in is given to the door and answered when the door has it.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use adapter_sdk::{
    Bytes, DoorError, Halves, Stop,
    outgoing::tls::{self, TlsError},
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    net::TcpStream,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, interval, timeout},
};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};
use tracing::{debug, error, info, warn};

use super::{
    Smpp,
    pdu::{self, Head, LONGEST, Pdu, command, status},
    recent::Recent,
};
use crate::{hand_in, hand_in::Note, now};

/// Pauses between two tries, doubled from the first to the last.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How often answers that are overdue, and silence, are looked for.
const LOOK: Duration = Duration::from_millis(250);
/// Orders that wait for their turn.
const ROOM: usize = 100;
/// `interface_version`: 3.4.
const VERSION: u8 = 0x34;
/// The sequence number of our first PDU.
const BIND: u32 = 1;
/// The greatest sequence number.
const LAST: u32 = 0x7FFF_FFFF;
/// How long we wait for the answer to our good-bye.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// A message of ours.
pub(super) struct Order {
    /// Without its sequence number.
    pub(super) pdu: Pdu,
    /// What a report on it is about, noted before the next PDU is looked at: the report may be that one.
    pub(super) note: Option<Note>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The centre has it, under this id.
    Taken(String),
    /// It says no, with this code.
    Refused(u32),
    /// It was written, and the link broke or the centre was silent: nobody knows.
    Lost,
    /// There is no link, and nothing was written; the centre's code, where it refused us.
    Apart(Option<u32>),
}

/// A message for the door.
pub(crate) struct Incoming {
    /// The octets of the whole PDU.
    pub(crate) pdu: Bytes,
    /// Our name for it, the same when the centre delivers it again.
    pub(crate) name: String,
    /// Whether it is on the disk.
    pub(crate) kept: oneshot::Sender<Result<(), DoorError>>,
}

/// How it stands with the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody has asked for it.
    Idle,
    /// It is being made for the first time.
    Beginning,
    Bound,
    /// It could not be made; with the centre's code, where it refused us.
    Apart(Option<u32>),
}

/// How a trial of user and password went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trial {
    /// The centre lets us in.
    Bound,
    /// The link is held already, by us or by another process of ours.
    Held,
    /// It refuses us, with this code.
    Refused(u32),
    /// There is no connection: one clause.
    Unreachable(String),
}

/// Where what comes in goes, and where notes lie.
struct Listening {
    inbox: mpsc::Sender<Incoming>,
    folder: PathBuf,
}

struct Shared {
    name: String,
    smpp: Smpp,
    standing: watch::Sender<Standing>,
    listening: OnceLock<Listening>,
    stop: Stop,
}

type Waiting = (Order, oneshot::Sender<Outcome>);

/// A link, made when it is first needed.
pub(crate) struct Link {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Waiting>,
    /// Until the task has it.
    queue: Mutex<Option<mpsc::Receiver<Waiting>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Texts of which some parts are sent.
    pub(super) halves: Halves,
}

impl Link {
    pub(crate) fn new(name: &str, smpp: &Smpp) -> Self {
        let (orders, queue) = mpsc::channel(ROOM);
        let (standing, _) = watch::channel(Standing::Idle);
        let shared = Shared { name: name.to_owned(), smpp: smpp.clone(), standing, listening: OnceLock::new(), stop: Stop::new() };
        Self { shared: Arc::new(shared), orders, queue: Mutex::new(Some(queue)), task: Mutex::default(), halves: Halves::default() }
    }

    pub(crate) fn standing(&self) -> Standing {
        *self.shared.standing.borrow()
    }

    /// Makes the link and keeps it. What comes in is given out here; notes of what was sent are kept in the folder.
    pub(crate) fn listen(&self, folder: PathBuf) -> mpsc::Receiver<Incoming> {
        let (inbox, incoming) = mpsc::channel(ROOM);
        let first = self.shared.listening.set(Listening { inbox, folder }).is_ok();
        if !first {
            warn!(gateway = self.shared.name, "The link is listened to already.");
        }
        self.start();
        incoming
    }

    /// Where notes of what was sent lie.
    pub(crate) fn folder(&self) -> Option<&std::path::Path> {
        self.shared.listening.get().map(|listening| listening.folder.as_path())
    }

    /// Says good-bye to the centre and ends.
    pub(crate) async fn end(&self) {
        self.shared.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = timeout(2 * GOOD_BYE, task).await; // a centre that says nothing is left without good-bye
        }
    }

    /// Gives a message to the centre and waits for its answer.
    pub(super) async fn submit(&self, order: Order) -> Outcome {
        self.start();
        let patience = self.shared.smpp.patience();
        let mut standing = self.shared.standing.subscribe();
        let decided = timeout(patience, standing.wait_for(|now| matches!(now, Standing::Bound | Standing::Apart(_)))).await;
        match decided.map(|now| now.map(|now| *now)) {
            Ok(Ok(Standing::Bound)) => {}
            Ok(Ok(Standing::Apart(code))) => return Outcome::Apart(code),
            _ => return Outcome::Apart(None),
        }
        let (told, answer) = oneshot::channel();
        match timeout(patience, self.orders.send((order, told))).await {
            Ok(Ok(())) => answer.await.unwrap_or(Outcome::Lost),
            _ => Outcome::Apart(None),
        }
    }

    /// Connects, binds, and says good-bye: for an administrator who asks whether it would work.
    pub(crate) async fn trial(&self) -> Trial {
        match enter(&self.shared.smpp).await {
            Ok((_, mut write)) => {
                let _ = write.write_all(&Pdu::new(command::UNBIND, 0).finish(2)).await; // it ends either way
                Trial::Bound
            }
            Err(No::Refused(status::ALREADY_BOUND)) => Trial::Held,
            Err(No::Refused(code)) => Trial::Refused(code),
            Err(no) => Trial::Unreachable(no.to_string()),
        }
    }

    fn start(&self) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(queue) = queue {
            self.shared.standing.send_replace(Standing::Beginning);
            let task = tokio::spawn(keep(self.shared.clone(), queue));
            *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
enum No {
    #[error("the centre refuses to bind (0x{0:02x})")]
    Refused(u32),
    #[error("the centre is silent")]
    Silent,
    #[error("no connection comes about")]
    Connection(#[from] std::io::Error),
    #[error("no protected connection comes about")]
    Tls(#[from] TlsError),
    #[error("whoever listens there does not speak SMPP")]
    Strange,
}

/// A connection, plain or protected.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Frames = FramedRead<ReadHalf<Box<dyn Stream>>, LengthDelimitedCodec>;
type Write = WriteHalf<Box<dyn Stream>>;

/// Connects and binds.
async fn enter(smpp: &Smpp) -> Result<(Frames, Write), No> {
    let entering = async {
        let (read, mut write) = split(connect(smpp).await?);
        // The length counts itself.
        let codec = LengthDelimitedCodec::builder().length_field_length(4).num_skip(0).max_frame_length(LONGEST).new_codec();
        let mut frames = FramedRead::new(read, codec);
        let bind = Pdu::new(command::BIND_TRANSCEIVER, 0)
            .text(&smpp.system_id)
            .text(smpp.password.expose())
            .text(&smpp.system_type)
            .bytes(&[VERSION, 0, 0])
            .text(&smpp.address_range);
        write.write_all(&bind.finish(BIND)).await?;
        while let Some(pdu) = frames.next().await {
            let head = Head::read(&pdu?).ok_or(No::Strange)?;
            match head {
                Head { command, status, .. } if command == command::BIND_TRANSCEIVER | command::ANSWER || command == command::NACK => {
                    return if status == status::OK { Ok((frames, write)) } else { Err(No::Refused(status)) };
                }
                // Some ask at once whether we are there.
                Head { command: command::ENQUIRE_LINK, sequence, .. } => {
                    write.write_all(&Pdu::new(command::ENQUIRE_LINK | command::ANSWER, 0).finish(sequence)).await?;
                }
                _ => return Err(No::Strange),
            }
        }
        Err(No::Silent)
    };
    timeout(smpp.patience(), entering).await.map_err(|_| No::Silent)?
}

async fn connect(smpp: &Smpp) -> Result<Box<dyn Stream>, No> {
    let tcp = TcpStream::connect((smpp.host.as_str(), smpp.port)).await?;
    tcp.set_nodelay(true)?;
    if !smpp.tls {
        return Ok(Box::new(tcp));
    }
    Ok(Box::new(tls::protect(tcp, &smpp.host, smpp.ca.as_deref()).await?))
}

/// Makes the link, again and again, until it is told to end.
async fn keep(shared: Arc<Shared>, mut orders: mpsc::Receiver<Waiting>) {
    let mut pause = PAUSE;
    while !shared.stop.is_cancelled() {
        let entered = tokio::select! {
            entered = enter(&shared.smpp) => entered,
            () = shared.stop.cancelled() => return,
        };
        let code = match entered {
            Ok((frames, write)) => {
                info!(gateway = shared.name, "Bound to the operator's centre.");
                shared.standing.send_replace(Standing::Bound);
                let began = Instant::now();
                let why = Session::new(&shared, frames, write).run(&mut orders).await;
                if shared.stop.is_cancelled() {
                    shared.standing.send_replace(Standing::Apart(None));
                    return;
                }
                warn!(gateway = shared.name, "The link to the operator's centre has ended: {why}.");
                if began.elapsed() > LONGEST_PAUSE {
                    pause = PAUSE;
                }
                None
            }
            Err(no) => {
                tell(&shared.name, &no);
                if let No::Refused(code) = no { Some(code) } else { None }
            }
        };
        shared.standing.send_replace(Standing::Apart(code));
        // What came in between is told at once that there is no link.
        let apart = async {
            while let Some((_, told)) = orders.recv().await {
                let _ = told.send(Outcome::Apart(code)); // whoever asked has gone
            }
        };
        tokio::select! {
            _ = timeout(pause, apart) => {}
            () = shared.stop.cancelled() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn tell(gateway: &str, no: &No) {
    if let No::Refused(status::WRONG_PASSWORD | status::WRONG_SYSTEM_ID | status::BIND_FAILED | status::WRONG_SYSTEM_TYPE) = no {
        error!(gateway, error = no as &dyn std::error::Error, "The operator's centre does not let us in: an administrator must look.");
    } else {
        warn!(gateway, error = no as &dyn std::error::Error, "There is no link to the operator's centre; trying again.");
    }
}

/// A message of ours that the centre has not answered.
struct Sent {
    told: oneshot::Sender<Outcome>,
    note: Option<Note>,
    until: Instant,
}

/// One link, from its bind to its end.
struct Session<'a> {
    shared: &'a Shared,
    frames: Frames,
    write: Write,
    /// The last sequence number of ours.
    sequence: u32,
    sent: HashMap<u32, Sent>,
    recent: Option<Recent>,
    /// When the centre last said anything.
    heard: Instant,
    /// We asked whether it is there.
    asked: Option<Instant>,
}

/// What the door says of a message: where the answer goes, which it was, whether it is kept. Nothing when nobody is there any more to say it.
type Kept = (Head, String, Option<Result<(), DoorError>>);
type Keeping = FuturesUnordered<futures::future::BoxFuture<'static, Kept>>;

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, frames: Frames, write: Write) -> Self {
        let recent = shared.listening.get().map(|listening| Recent::open(&listening.folder.join("heard"), shared.smpp.patience()));
        Self { shared, frames, write, sequence: BIND, sent: HashMap::new(), recent, heard: Instant::now(), asked: None }
    }

    /// Until it ends: one clause that says why. Whoever waits for an answer is told.
    async fn run(mut self, orders: &mut mpsc::Receiver<Waiting>) -> String {
        let why = match self.converse(orders).await {
            Ok(why) => why.to_owned(),
            Err(error) => error.to_string(),
        };
        for (_, sent) in self.sent.drain() {
            let _ = sent.told.send(Outcome::Lost); // whoever asked has gone
        }
        why
    }

    async fn converse(&mut self, orders: &mut mpsc::Receiver<Waiting>) -> std::io::Result<&'static str> {
        let mut keeping = Keeping::new();
        let mut look = interval(LOOK);
        let mut leaving: Option<Instant> = None;
        loop {
            let may_send = self.sent.len() < self.shared.smpp.window && leaving.is_none();
            tokio::select! {
                frame = self.frames.next() => {
                    let Some(frame) = frame else { return Ok("the centre closed it") };
                    let frame = frame?.freeze();
                    let Some(head) = Head::read(&frame) else { return Ok("the centre sent what is no PDU") };
                    self.heard = Instant::now();
                    self.asked = None;
                    if head.command == command::UNBIND {
                        self.answer(head, status::OK).await?;
                        return Ok("the centre said good-bye");
                    }
                    if leaving.is_some() && head.command == command::UNBIND | command::ANSWER {
                        return Ok("we said good-bye");
                    }
                    self.take(head, frame, &mut keeping).await?;
                }
                Some((head, known, kept)) = keeping.next(), if !keeping.is_empty() => self.door_said(head, &known, kept).await?,
                Some((order, told)) = orders.recv(), if may_send => self.submit(order, told).await?,
                () = self.shared.stop.cancelled(), if leaving.is_none() => {
                    leaving = Some(Instant::now() + GOOD_BYE);
                    let sequence = self.next();
                    self.put(Pdu::new(command::UNBIND, 0).finish(sequence)).await?;
                }
                _ = look.tick() => {
                    if leaving.is_some_and(|until| Instant::now() > until) {
                        return Ok("we said good-bye, and heard none");
                    }
                    if let Some(why) = self.look().await? {
                        return Ok(why);
                    }
                }
            }
        }
    }

    /// What is overdue, and whether the centre is still there.
    async fn look(&mut self) -> std::io::Result<Option<&'static str>> {
        let now = Instant::now();
        let patience = self.shared.smpp.patience();
        if let Some(recent) = &mut self.recent {
            recent.arrived(self.heard);
        }
        let overdue: Vec<u32> = self.sent.iter().filter(|(_, sent)| now > sent.until).map(|(sequence, _)| *sequence).collect();
        for sequence in overdue {
            if let Some(sent) = self.sent.remove(&sequence) {
                warn!(gateway = self.shared.name, "The operator's centre did not answer a message in time.");
                let _ = sent.told.send(Outcome::Lost); // whoever asked has gone
            }
        }
        match self.asked {
            Some(asked) if now > asked + patience => return Ok(Some("the centre is silent")),
            None if now > self.heard + Duration::from_secs(self.shared.smpp.enquire) => {
                self.asked = Some(now);
                let sequence = self.next();
                self.put(Pdu::new(command::ENQUIRE_LINK, 0).finish(sequence)).await?;
            }
            Some(_) | None => {}
        }
        Ok(None)
    }

    /// A PDU of the centre.
    async fn take(&mut self, head: Head, pdu: Bytes, keeping: &mut Keeping) -> std::io::Result<()> {
        match head.command {
            command::DELIVER | command::DATA => {
                let (Some(listening), Some(recent)) = (self.shared.listening.get(), &mut self.recent) else {
                    return self.answer(head, status::NOT_NOW).await;
                };
                let (known, name) = recent.name(&pdu, now(), self.heard);
                let (kept, told) = oneshot::channel();
                let inbox = listening.inbox.clone();
                // In their order: the sending into the inbox is not left to the one that is polled first.
                let full = inbox.try_send(Incoming { pdu, name, kept }).is_err();
                keeping.push(Box::pin(async move {
                    let kept = if full { Some(Err(DoorError::Full)) } else { told.await.ok() };
                    (head, known, kept)
                }));
                Ok(())
            }
            command::ENQUIRE_LINK => self.answer(head, status::OK).await,
            command::ALERT => Ok(()), // a telephone is there again
            _ if head.is_answer() => {
                self.answered(head, &pdu);
                Ok(())
            }
            _ => {
                debug!(
                    gateway = self.shared.name,
                    command = head.command,
                    "The operator's centre sent a command that no link of ours has."
                );
                self.put(Pdu::new(command::NACK, status::UNKNOWN_COMMAND).finish(head.sequence)).await
            }
        }
    }

    /// The door has it, or not: then the centre delivers it again.
    async fn door_said(&mut self, head: Head, known: &str, kept: Option<Result<(), DoorError>>) -> std::io::Result<()> {
        // It may be kept or not: without an answer it comes again, under the name that it has.
        let Some(kept) = kept else { return Ok(()) };
        let said = match &kept {
            Ok(()) => status::OK,
            Err(DoorError::TooLarge { .. }) => {
                error!(gateway = self.shared.name, "A message of the operator's centre is larger than `door.max_body`, and is lost.");
                status::NEVER
            }
            Err(_) => status::NOT_NOW,
        };
        self.answer(head, said).await?;
        if let Some(recent) = &mut self.recent {
            recent.answered(known, kept.is_ok(), Instant::now());
        }
        Ok(())
    }

    /// The centre answers one of ours.
    fn answered(&mut self, head: Head, pdu: &[u8]) {
        let Some(sent) = self.sent.remove(&head.sequence) else { return };
        let outcome = if head.status == status::OK && head.command == command::SUBMIT | command::ANSWER {
            let id = self.shared.smpp.message_ids.of_answer(&pdu::id_in_answer(pdu));
            if let (Some(note), Some(listening), false) = (&sent.note, self.shared.listening.get(), id.is_empty()) {
                hand_in::note_sent(&listening.folder, &id, note);
            }
            Outcome::Taken(id)
        } else {
            Outcome::Refused(head.status)
        };
        let _ = sent.told.send(outcome); // whoever asked has gone
    }

    async fn submit(&mut self, order: Order, told: oneshot::Sender<Outcome>) -> std::io::Result<()> {
        let sequence = self.next();
        let until = Instant::now() + self.shared.smpp.patience();
        self.sent.insert(sequence, Sent { told, note: order.note, until });
        self.put(order.pdu.finish(sequence)).await
    }

    /// Answers a command of the centre. The answer to a message has an id, which is empty.
    async fn answer(&mut self, head: Head, said: u32) -> std::io::Result<()> {
        let answer = Pdu::new(head.command | command::ANSWER, said);
        let answer = if matches!(head.command, command::DELIVER | command::DATA) { answer.text("") } else { answer };
        self.put(answer.finish(head.sequence)).await
    }

    async fn put(&mut self, pdu: Vec<u8>) -> std::io::Result<()> {
        let silent = || std::io::Error::new(std::io::ErrorKind::TimedOut, "the centre reads nothing");
        timeout(self.shared.smpp.patience(), self.write.write_all(&pdu)).await.map_err(|_| silent())?
    }

    fn next(&mut self) -> u32 {
        self.sequence = if self.sequence == LAST { 1 } else { self.sequence + 1 };
        self.sequence
    }
}
