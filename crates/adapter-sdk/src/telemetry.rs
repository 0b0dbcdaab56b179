//! Log and metrics of the process.

use std::{io::IsTerminal, sync::OnceLock};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::{ConfigError, LogFormat, LogSettings};

/// Bounds of the door's times, in seconds: its aim is ten milliseconds.
const DOOR_SECONDS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// Starts the log. The second call in one process changes nothing.
pub(crate) fn log(settings: &LogSettings) -> Result<(), ConfigError> {
    let wrong = |error| ConfigError::Value { key: "log.level".into(), why: format!("is no filter: {error}") };
    let filter = EnvFilter::try_new(&settings.level).map_err(wrong)?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let _ = match settings.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// The process's counters; the first call starts them. `None` when another recorder was there first.
pub(crate) fn metrics() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let start = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full("muara_door_seconds".into()), &DOOR_SECONDS);
        builder.expect("the bounds are not empty").install_recorder().ok()
    };
    HANDLE.get_or_init(start).as_ref()
}
