//! Receipt printers in the offices' networks, spoken to on their raw port. Printing is an extra: an entry never waits for it, and the
//! browser can print every slip.

use std::{collections::BTreeMap, time::Duration};

use adapter_sdk::{ConfigError, Finding, form::Recent};
use serde::Deserialize;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Mutex, time::timeout};
use tracing::warn;

use crate::escpos::{Code, Roll};

/// One office's printer, as the configuration names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrinterConfig {
    /// Account of the office.
    office: String,
    /// Host and port; the port is nearly always 9100.
    address: String,
    #[serde(default)]
    paper: Roll,
    #[serde(default)]
    code: Code,
    /// Whether it has a knife.
    #[serde(default = "yes")]
    cut: bool,
    /// Whether a slip is printed as soon as its entry is taken.
    #[serde(default)]
    at_once: bool,
}

fn yes() -> bool {
    true
}

/// Until a printer answers the call; one in the same building needs a hundredth of it.
const CONNECT: Duration = Duration::from_secs(3);
/// Until it has taken a slip: it may be heating, or printing another.
const WRITE: Duration = Duration::from_secs(12);
/// What an administrator does about a silent printer.
const ADVICE: &str = "Look whether it is on, has its address, and takes raw print data on that port.";
/// Slips whose printing is remembered.
const REMEMBERED: usize = 500;

/// What became of printing a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Printed {
    /// On its way.
    Waiting,
    /// The printer took it. Whether it had paper, most printers do not say.
    Done,
    /// No answer, or the connection broke.
    Failed,
}

/// The printers by office.
#[derive(Debug)]
pub(crate) struct Printers {
    by_office: BTreeMap<String, Printer>,
    printed: Recent<Printed>,
}

#[derive(Debug)]
pub(crate) struct Printer {
    config: PrinterConfig,
    /// Two slips at once would be one unreadable one.
    one_at_a_time: Mutex<()>,
}

impl Printers {
    pub(crate) fn open(configs: &[PrinterConfig]) -> Result<Self, ConfigError> {
        let mut by_office = BTreeMap::new();
        for config in configs {
            let port = config.address.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>()));
            if !matches!(port, Some(Ok(1..))) {
                return Err(ConfigError::value("printers", format!("`{}` is not `host:port`", config.address)));
            }
            let printer = Printer { config: config.clone(), one_at_a_time: Mutex::default() };
            if by_office.insert(config.office.clone(), printer).is_some() {
                return Err(ConfigError::value("printers", format!("names two printers for `{}`", config.office)));
            }
        }
        Ok(Self { by_office, printed: Recent::new(REMEMBERED) })
    }

    pub(crate) fn of(&self, office: &str) -> Option<&Printer> {
        self.by_office.get(office)
    }

    /// One finding for each printer.
    pub(crate) async fn probe(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for printer in self.by_office.values() {
            findings.push(printer.probe().await);
        }
        findings
    }

    pub(crate) fn printed(&self, id: &str) -> Option<Printed> {
        self.printed.get(id)
    }

    /// Prints what `draw` makes for this office's printer, and remembers under `id` what became of it.
    pub(crate) async fn print(&self, office: &str, id: &str, draw: impl FnOnce(&Printer) -> Vec<u8>) -> Printed {
        let Some(printer) = self.of(office) else { return Printed::Failed };
        self.printed.put(id, Printed::Waiting);
        let outcome = printer.print(&draw(printer)).await;
        self.printed.put(id, outcome);
        outcome
    }
}

impl Printer {
    pub(crate) fn roll(&self) -> Roll {
        self.config.paper
    }

    pub(crate) fn code(&self) -> Code {
        self.config.code
    }

    pub(crate) fn cuts(&self) -> bool {
        self.config.cut
    }

    pub(crate) fn prints_at_once(&self) -> bool {
        self.config.at_once
    }

    async fn print(&self, bytes: &[u8]) -> Printed {
        let _turn = self.one_at_a_time.lock().await;
        match self.send(bytes).await {
            Ok(()) => Printed::Done,
            Err(error) => {
                warn!(error = %error, office = %self.config.office, "The printer of {} took nothing.", self.config.office);
                Printed::Failed
            }
        }
    }

    /// Whether it takes a call, which prints nothing.
    async fn probe(&self) -> Finding {
        let what = format!("receipt printer of {}", self.config.office);
        match timeout(CONNECT, TcpStream::connect(&self.config.address)).await {
            Ok(Ok(_)) => Finding::fine(what, "takes a call"),
            Ok(Err(error)) => Finding::wrong(what, error.kind().to_string(), ADVICE),
            Err(_) => Finding::wrong(what, "no answer", ADVICE),
        }
    }

    async fn send(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut printer = timeout(CONNECT, TcpStream::connect(&self.config.address)).await??;
        let sending = async {
            printer.write_all(bytes).await?;
            // Half closed: the printer has everything, and nothing else is coming.
            printer.shutdown().await
        };
        timeout(WRITE, sending).await?
    }
}
