//! Just enough of PostgreSQL's protocol to make and drop databases over its socket, so that this crate needs no database library.
//!
//! Peer authentication says "welcome" without a question; any other answer is an error here.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::Error;

/// A connection to one database of a private server.
#[derive(Debug)]
pub(crate) struct Session {
    stream: UnixStream,
}

impl Session {
    pub(crate) fn open(socket: &Path, database: &str) -> Result<Session, Error> {
        let connect = || -> io::Result<Session> {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(Duration::from_mins(1)))?;
            Ok(Session { stream })
        };
        let mut session = connect().map_err(|source| Error::Io { doing: format!("connect to {}", socket.display()), source })?;
        let mut hello = 196_608_i32.to_be_bytes().to_vec(); // protocol 3.0
        for word in ["user", super::postgres::USER, "database", database] {
            hello.extend_from_slice(word.as_bytes());
            hello.push(0);
        }
        hello.push(0);
        session.send(None, &hello).and_then(|()| session.answer()).map_err(broken)?.map_err(|message| refused("connect", message))?;
        Ok(session)
    }

    /// Runs one statement and gives the rows' columns as text.
    pub(crate) fn ask(&mut self, statement: &str) -> Result<Vec<Vec<String>>, Error> {
        let mut body = statement.as_bytes().to_vec();
        body.push(0);
        self.send(Some(b'Q'), &body).and_then(|()| self.answer()).map_err(broken)?.map_err(|message| refused(statement, message))
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
        let length = i32::try_from(body.len() + 4).map_err(io::Error::other)?;
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message)
    }

    /// Reads until the server is ready for the next statement.
    fn answer(&mut self) -> io::Result<Result<Vec<Vec<String>>, String>> {
        let (mut rows, mut refusal) = (Vec::new(), None);
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'Z' => return Ok(refusal.map_or(Ok(rows), Err)),
                b'D' => rows.push(columns(&body).ok_or_else(|| io::Error::other("a row that cannot be read"))?),
                b'R' if body != [0; 4] => return Ok(Err("it asks for a password, which a private server never does".to_owned())),
                b'E' => {
                    let message = reason(&body);
                    // After a refused connection there is no "ready".
                    if message.1 == "FATAL" {
                        return Ok(Err(message.0));
                    }
                    refusal = Some(message.0);
                }
                _ => {}
            }
        }
    }

    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]).saturating_sub(4);
        let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.stream.read_exact(&mut body)?;
        Ok((head[0], body))
    }
}

/// A name, safe between double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(body: &[u8]) -> Option<Vec<String>> {
    let count = u16::from_be_bytes([*body.first()?, *body.get(1)?]);
    let mut rest = body.get(2..)?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let (length, tail) = rest.split_at_checked(4)?;
        let length = i32::from_be_bytes(length.try_into().ok()?);
        let (value, tail) = tail.split_at_checked(usize::try_from(length).unwrap_or(0))?;
        columns.push(String::from_utf8_lossy(value).into_owned());
        rest = tail;
    }
    Some(columns)
}

/// The words and the severity of an error message.
fn reason(body: &[u8]) -> (String, String) {
    let field = |wanted: u8| {
        let found = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&wanted));
        found.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
    };
    (field(b'M'), field(b'V'))
}

fn broken(source: io::Error) -> Error {
    Error::Io { doing: "talk to PostgreSQL".to_owned(), source }
}

fn refused(statement: &str, message: String) -> Error {
    Error::Refused { statement: statement.to_owned(), message }
}
