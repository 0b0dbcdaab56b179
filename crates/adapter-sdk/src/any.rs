//! The traits with their types forgotten: everything behind them is compiled once, not once for each adapter.

use std::sync::Arc;

use bus::Expiry;
use futures::{FutureExt, future::BoxFuture};
use model::{Event, Raw, RemoteMedia, Reply, ReplyFile, room::Room};

use crate::{
    Adapter, Answer, Batch, Bytes, Door, DoorError, FetchError, Finding, ParseError, Poll, Refused, Request, SendError, Sent, Webhook,
};

/// An [`Adapter`], whichever.
pub(crate) trait AnyAdapter: Send + Sync + 'static {
    fn accounts(&self) -> Vec<String>;
    fn expiries(&self) -> Vec<Expiry>;
    fn takes_words(&self) -> Vec<Room>;
    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError>;
    fn fetch_from<'a>(&'a self, raw: &'a Raw, media: &'a RemoteMedia) -> BoxFuture<'a, Result<Bytes, FetchError>>;
    fn takes(&self, file: &ReplyFile) -> bool;
    fn send<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<Sent, SendError>>;
    fn probe(&self) -> BoxFuture<'_, Vec<Finding>>;
}

/// A [`Webhook`], whichever.
pub(crate) trait AnyWebhook: Send + Sync + 'static {
    fn verify(&self, request: &Request) -> Result<(), Refused>;
    fn handshake(&self, request: &Request) -> Option<Answer>;
    fn accepted(&self, request: &Request) -> Answer;
    fn keep<'a>(&'a self, request: Request, door: &'a Door) -> BoxFuture<'a, Result<(), DoorError>>;
    fn begin(self: Arc<Self>, door: Door) -> BoxFuture<'static, ()>;
}

/// A [`Poll`], whichever.
pub(crate) trait AnyPoll: Send + Sync + 'static {
    fn every(&self) -> std::time::Duration;
    fn poll<'a>(&'a self, account: &'a str, cursor: Option<Vec<u8>>) -> BoxFuture<'a, Result<Batch, FetchError>>;
}

impl<A: Adapter> AnyAdapter for A {
    fn accounts(&self) -> Vec<String> {
        Adapter::accounts(self)
    }
    fn expiries(&self) -> Vec<Expiry> {
        Adapter::expiries(self)
    }
    fn takes_words(&self) -> Vec<Room> {
        Adapter::takes_words(self)
    }
    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        Adapter::parse(self, raw)
    }
    fn fetch_from<'a>(&'a self, raw: &'a Raw, media: &'a RemoteMedia) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Adapter::fetch_from(self, raw, media).boxed()
    }
    fn takes(&self, file: &ReplyFile) -> bool {
        Adapter::takes(self, file)
    }
    fn send<'a>(&'a self, reply: &'a Reply) -> BoxFuture<'a, Result<Sent, SendError>> {
        Adapter::send(self, reply).boxed()
    }
    fn probe(&self) -> BoxFuture<'_, Vec<Finding>> {
        Adapter::probe(self).boxed()
    }
}

impl<A: Webhook> AnyWebhook for A {
    fn verify(&self, request: &Request) -> Result<(), Refused> {
        Webhook::verify(self, request)
    }
    fn handshake(&self, request: &Request) -> Option<Answer> {
        Webhook::handshake(self, request)
    }
    fn accepted(&self, request: &Request) -> Answer {
        Webhook::accepted(self, request)
    }
    fn keep<'a>(&'a self, request: Request, door: &'a Door) -> BoxFuture<'a, Result<(), DoorError>> {
        Webhook::keep(self, request, door).boxed()
    }
    fn begin(self: Arc<Self>, door: Door) -> BoxFuture<'static, ()> {
        Webhook::begin(self, door).boxed()
    }
}

impl<A: Poll> AnyPoll for A {
    fn every(&self) -> std::time::Duration {
        Poll::every(self)
    }
    fn poll<'a>(&'a self, account: &'a str, cursor: Option<Vec<u8>>) -> BoxFuture<'a, Result<Batch, FetchError>> {
        Poll::poll(self, account, cursor).boxed()
    }
}
