//! Metrics of the process.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the door's times, in seconds: its aim is ten milliseconds.
const DOOR_SECONDS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// The process's counters; the first call starts them. `None` when another recorder was there first.
pub(crate) fn metrics() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let start = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full("muara_door_seconds".into()), &DOOR_SECONDS);
        builder.expect("the bounds are not empty").install_recorder().ok()
    };
    HANDLE.get_or_init(start).as_ref()
}
