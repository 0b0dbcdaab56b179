//! Starting a server again that died by itself, or that lives and will not work again before it is started anew.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::{error, info, warn};

use crate::Error;

/// How often a watch looks whether its server lives.
const LOOK: Duration = Duration::from_millis(200);
/// The first pause before a server is started again; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that ran this long has recovered: the next pause is the first again.
const RECOVERED: Duration = Duration::from_mins(1);

/// What a watch has to know of a server.
pub(crate) trait Server: Send + 'static {
    const NAME: &'static str;
    /// Whether it should run and does not.
    fn died(&mut self) -> bool;
    /// Whether it runs, and only a new start makes it work again, and can.
    fn stuck(&mut self) -> bool {
        false
    }
    /// Starts it; one that still runs is stopped first.
    fn launch(&mut self) -> Result<(), Error>;

    /// Why it has to be started, if it has to.
    fn trouble(&mut self) -> Option<&'static str> {
        if self.died() {
            return Some("ended by itself");
        }
        self.stuck().then_some("cannot write any more, though there is room")
    }
}

/// Looks after a server until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn over<S: Server>(server: Arc<Mutex<S>>) -> Watch {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name(format!("watch {}", S::NAME)).spawn(move || watch(&server, &stopped)).ok();
        Watch { stop: Some(stop), thread }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch<S: Server>(server: &Mutex<S>, stopped: &mpsc::Receiver<()>) {
    let locked = || server.lock().unwrap_or_else(PoisonError::into_inner);
    let mut pause = FIRST_PAUSE;
    let mut since = Instant::now();
    while matches!(stopped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
        let Some(trouble) = locked().trouble() else { continue };
        if since.elapsed() > RECOVERED {
            pause = FIRST_PAUSE;
        }
        warn!("{} {trouble}. Starting it again in {} ms.", S::NAME, pause.as_millis());
        if !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        let mut server = locked();
        if server.trouble().is_some() {
            match server.launch() {
                Ok(()) => info!("{} runs again.", S::NAME),
                Err(problem) => error!("{} cannot be started again: {problem}.", S::NAME),
            }
            since = Instant::now();
        }
    }
}
