//! What became of replies goes to the core in bundles: in a rush there are four receipts for each complaint, and one message on the bus for
//! each of them would cost more than all the rest.
//!
//! Whoever tells waits until the bus has it, as if it went alone.

use std::{mem, sync::Arc, time::Duration};

use bus::{Bus, BusError};
use metrics::counter;
use model::{AdapterName, Event, Failure, Receipt, TraceId};
use tokio::sync::{mpsc, oneshot};

/// How long the first waits for company. Nobody waits for a receipt.
const COMPANY: Duration = Duration::from_millis(2);
/// Receipts in one message: the core writes them in one statement with those of others.
const MOST: usize = 100;
/// Tellers that may wait in line; more wait to be let in.
const LINE: usize = 64;

/// The way of all receipts of this process.
#[derive(Debug, Clone)]
pub(crate) struct Receipts {
    line: mpsc::Sender<Told>,
}

#[derive(Debug)]
struct Told {
    receipts: Vec<Receipt>,
    trace: TraceId,
    done: oneshot::Sender<Result<(), Arc<BusError>>>,
}

impl Receipts {
    /// Bundles until nobody is left who could tell.
    pub(crate) fn start(bus: Bus, name: AdapterName) -> Self {
        let (line, told) = mpsc::channel(LINE);
        tokio::spawn(bundle(bus, name, told));
        Self { line }
    }

    /// `Ok`: the bus has them all.
    pub(crate) async fn tell(&self, receipts: Vec<Receipt>, trace: TraceId) -> Result<(), Failure> {
        if receipts.is_empty() {
            return Ok(());
        }
        counter!("muara_events_total", "type" => "receipt").increment(receipts.len() as u64);
        let (done, answer) = oneshot::channel();
        let told = Told { receipts, trace, done };
        self.line.send(told).await.map_err(|_| Failure::retry("receipts are not told any more"))?;
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(Failure::retry(why)),
            Err(_) => Err(Failure::retry("receipts are not told any more")),
        }
    }
}

async fn bundle(bus: Bus, name: AdapterName, mut line: mpsc::Receiver<Told>) {
    while let Some(first) = line.recv().await {
        tokio::time::sleep(COMPANY).await;
        let together = company(first, &mut line);
        let (mut receipts, mut tellers) = (Vec::new(), Vec::new());
        let trace = together[0].trace;
        for told in together {
            receipts.extend(told.receipts);
            tellers.push(told.done);
        }
        let outcome = publish(&bus, &name, receipts, trace).await.map_err(Arc::new);
        for teller in tellers {
            // One that went away meanwhile tells again when its message comes again.
            let _ = teller.send(outcome.clone());
        }
    }
}

/// The first, and what else is in line, until a bundle is full.
fn company(first: Told, line: &mut mpsc::Receiver<Told>) -> Vec<Told> {
    let mut count = first.receipts.len();
    let mut together = vec![first];
    while count < MOST
        && let Ok(next) = line.try_recv()
    {
        count += next.receipts.len();
        together.push(next);
    }
    together
}

async fn publish(bus: &Bus, name: &AdapterName, mut receipts: Vec<Receipt>, trace: TraceId) -> Result<(), BusError> {
    while !receipts.is_empty() {
        let rest = receipts.split_off(receipts.len().min(MOST));
        let event = event(mem::replace(&mut receipts, rest));
        let _ = bus.publish_event(&event, trace, name).await?;
    }
    Ok(())
}

/// One alone travels as it always did.
fn event(mut receipts: Vec<Receipt>) -> Event {
    match (receipts.pop(), receipts.is_empty()) {
        (Some(only), true) => Event::Receipt(only),
        (last, _) => {
            receipts.extend(last);
            Event::Receipts { receipts }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{ReceiptState, Timestamp};

    use super::*;

    fn told(count: usize) -> Told {
        let receipt = Receipt {
            reply: None,
            platform_id: Some("1".into()),
            adapter: "chat".parse().expect("a name"),
            account: "kota".into(),
            state: ReceiptState::Sent,
            at: Timestamp::UNIX_EPOCH,
            file_refused: None,
        };
        Told { receipts: vec![receipt; count], trace: TraceId::random(), done: oneshot::channel().0 }
    }

    #[tokio::test]
    async fn who_is_in_line_goes_along_until_a_bundle_is_full() {
        let (line, mut waiting) = mpsc::channel(10);
        for count in [60, 39, 5, 1] {
            line.send(told(count)).await.expect("room");
        }
        let counts: Vec<usize> = company(told(1), &mut waiting).iter().map(|told| told.receipts.len()).collect();
        assert_eq!(counts, [1, 60, 39]);
        assert_eq!(company(told(1), &mut waiting).len(), 3, "nobody else is there to wait for");
    }

    #[test]
    fn one_alone_travels_as_it_always_did() {
        assert!(matches!(event(told(1).receipts), Event::Receipt(_)));
        assert!(matches!(event(told(2).receipts), Event::Receipts { receipts } if receipts.len() == 2));
    }
}
