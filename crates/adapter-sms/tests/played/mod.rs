//! An operator's centre as it is played here: it does at once what a real one does once a year. The real one is in the tests of the whole road.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses what it needs")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use adapter_sms::gsm7;

pub(crate) const PASSWORD: &str = "sandi-op";

/// What it does with us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes everything.
    #[default]
    Fine,
    /// Says no to every message, with this code.
    Refuses(u32),
    /// Takes messages and says nothing.
    Silent,
    /// Lets nobody in, with this code.
    Locked(u32),
}

/// One message of ours, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submitted {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) esm_class: u8,
    pub(crate) report: u8,
    pub(crate) data_coding: u8,
    pub(crate) message: Vec<u8>,
    /// What stands behind the message.
    pub(crate) fields: Vec<(u16, Vec<u8>)>,
}

impl Submitted {
    /// Its words, without the header.
    pub(crate) fn text(&self) -> String {
        let header = if self.esm_class & 0x40 == 0 { 0 } else { usize::from(self.message[0]) + 1 };
        let payload = self.fields.iter().find(|(tag, _)| *tag == 0x0424).map(|(_, value)| value.as_slice());
        let octets = payload.unwrap_or(&self.message[header..]);
        if self.data_coding == 8 { String::from_utf16_lossy(&gsm7::units(octets)) } else { gsm7::decode(octets) }
    }
}

#[derive(Default)]
struct State {
    mood: Mood,
    submitted: Vec<Submitted>,
    /// Answers to what it delivered: sequence number and code.
    answers: Vec<(u32, u32)>,
    binds: usize,
    enquired: usize,
    good_byes: usize,
    link: Option<TcpStream>,
}

/// The centre.
#[derive(Clone)]
pub(crate) struct Centre {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Centre {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let centre = Self { port: listener.local_addr().expect("an address").port(), state: Arc::default() };
        let played = centre.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let played = played.clone();
                thread::spawn(move || played.converse(stream));
            }
        });
        centre
    }

    pub(crate) fn feel(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// What came since the last look.
    pub(crate) fn submitted(&self) -> Vec<Submitted> {
        std::mem::take(&mut self.state().submitted)
    }

    /// What was said to what it delivered.
    pub(crate) fn answers(&self) -> Vec<(u32, u32)> {
        self.state().answers.clone()
    }

    pub(crate) fn binds(&self) -> usize {
        self.state().binds
    }

    pub(crate) fn enquired(&self) -> usize {
        self.state().enquired
    }

    pub(crate) fn good_byes(&self) -> usize {
        self.state().good_byes
    }

    /// Writes octets to whoever is bound.
    pub(crate) fn write(&self, octets: &[u8]) {
        self.state().link.as_mut().expect("somebody is bound").write_all(octets).expect("the link stands");
    }

    /// Lets the link break.
    pub(crate) fn hang_up(&self) {
        let link = self.state().link.take().expect("somebody is bound");
        let _ = link.shutdown(std::net::Shutdown::Both); // it may have broken by itself
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let mut head = [0; 16];
            stream.read_exact(&mut head).ok()?;
            let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            let (command, code, sequence) = (word(4), word(8), word(12));
            let mut body = vec![0; usize::try_from(word(0)).ok()?.checked_sub(16)?];
            stream.read_exact(&mut body).ok()?;
            let mut state = self.state();
            let mood = state.mood;
            let said = match command {
                0x09 => {
                    let asked: Vec<&[u8]> = body.splitn(3, |byte| *byte == 0).collect();
                    let code = match mood {
                        Mood::Locked(code) => code,
                        _ if asked[1] != PASSWORD.as_bytes() => 0x0E,
                        _ => 0,
                    };
                    if code == 0 {
                        state.binds += 1;
                        state.link = stream.try_clone().ok();
                    }
                    Some((code, &b"centre\0"[..]))
                }
                0x04 => {
                    let number = state.submitted.len();
                    let submitted = read(&body)?;
                    match mood {
                        Mood::Refuses(code) => Some((code, &b""[..])),
                        Mood::Silent => None,
                        Mood::Fine | Mood::Locked(_) => {
                            state.submitted.push(submitted);
                            Some((0, [&b"1a\0"[..], b"1b\0", b"1c\0"][number % 3]))
                        }
                    }
                }
                0x15 => {
                    state.enquired += 1;
                    Some((0, &b""[..])).filter(|_| mood != Mood::Silent)
                }
                0x06 => {
                    state.good_byes += 1;
                    Some((0, &b""[..]))
                }
                0x8000_0005 | 0x8000_0103 => {
                    state.answers.push((sequence, code));
                    None
                }
                _ => None,
            };
            if let Some((code, body)) = said {
                stream.write_all(&pdu(command | 0x8000_0000, code, sequence, body)).ok()?;
            }
        }
    }
}

/// A whole PDU.
pub(crate) fn pdu(command: u32, code: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).expect("short");
    let head = [length, command, code, sequence].map(u32::to_be_bytes).concat();
    [&head[..], body].concat()
}

/// A field with tag and length.
pub(crate) fn field(tag: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("short");
    [&tag.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}

/// `deliver_sm`.
pub(crate) fn deliver(sequence: u32, from: &str, esm_class: u8, data_coding: u8, message: &[u8], fields: &[u8]) -> Vec<u8> {
    let length = u8::try_from(message.len()).expect("short");
    let parts: [&[u8]; 10] = [
        b"\0\x01\x01",
        from.as_bytes(),
        b"\0\x00\x01",
        b"1708\0",
        &[esm_class, 0, 0],
        b"\0\0",
        &[0, 0, data_coding, 0],
        &[length],
        message,
        fields,
    ];
    pdu(0x05, 0, sequence, &parts.concat())
}

fn read(body: &[u8]) -> Option<Submitted> {
    let mut rest = body;
    let mut text = |skip: usize| {
        rest = rest.get(skip..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        Some(text)
    };
    text(0)?;
    let (from, to) = (text(2)?, text(2)?);
    let (esm_class, _) = (*rest.first()?, rest);
    rest = rest.get(5..)?; // esm_class, protocol_id, priority_flag, and two empty texts
    let (report, data_coding, length) = (rest[0], rest[2], usize::from(rest[4]));
    let message = rest.get(5..5 + length)?.to_vec();
    let mut fields = Vec::new();
    let mut rest = &rest[5 + length..];
    while rest.len() >= 4 {
        let (tag, length) = (u16::from_be_bytes([rest[0], rest[1]]), usize::from(u16::from_be_bytes([rest[2], rest[3]])));
        fields.push((tag, rest.get(4..4 + length)?.to_vec()));
        rest = &rest[4 + length..];
    }
    Some(Submitted { from, to, esm_class, report, data_coding, message, fields })
}
