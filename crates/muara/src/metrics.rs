//! Figures of this process for Prometheus, on an address of their own: the pages' address is the citizens'.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{Router, extract::State, routing::get};
use bus::Stop;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tracing::info;

use crate::config::Config;

/// Starts to count, and shows the figures until `stop`. Nothing, where the configuration does not ask for it.
pub(crate) async fn show(config: &Config, stop: &Stop) -> anyhow::Result<()> {
    let address = config.metrics.listen.trim();
    if address.is_empty() {
        return Ok(());
    }
    let address: SocketAddr = address.parse().with_context(|| format!("metrics.listen is no address like 127.0.0.1:8104: {address}"))?;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot show figures on {address} (metrics.listen); several roles on one machine need MUARA_METRICS__LISTEN each")
    })?;
    let figures = PrometheusBuilder::new().install_recorder().context("cannot count")?;
    info!(%address, "Showing figures at {address}/metrics.");
    let routes = Router::new().route("/metrics", get(render)).with_state(figures);
    let stop = stop.clone();
    tokio::spawn(async move {
        incoming::serve(listener, routes, incoming::Limits::default(), stop.cancelled_owned()).await;
    });
    Ok(())
}

async fn render(State(figures): State<PrometheusHandle>) -> String {
    figures.run_upkeep();
    figures.render()
}
