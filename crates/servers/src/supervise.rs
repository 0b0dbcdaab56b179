//! Starting a server again that died by itself.

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
    fn launch(&mut self) -> Result<(), Error>;
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
    let mut pause = FIRST_PAUSE;
    let mut since = Instant::now();
    while matches!(stopped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
        if !server.lock().unwrap_or_else(PoisonError::into_inner).died() {
            continue;
        }
        if since.elapsed() > RECOVERED {
            pause = FIRST_PAUSE;
        }
        warn!("{} ended by itself. Starting it again in {} ms.", S::NAME, pause.as_millis());
        if !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.died() {
            match server.launch() {
                Ok(()) => info!("{} runs again.", S::NAME),
                Err(problem) => error!("{} cannot be started again: {problem}.", S::NAME),
            }
            since = Instant::now();
        }
    }
}
