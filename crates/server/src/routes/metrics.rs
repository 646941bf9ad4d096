//! The hub's metrics, in the format that Prometheus reads.

use std::fmt;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelValue, EncodeMetric, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tablecast::metrics::{LATENCY_BOUNDS, Latency, Metrics};

use super::route::{Answer, Route, Tag};
use super::site::SharedSite;
use crate::reason::{self, Reason};
use tablecast_http::Problem;

/// The format that `prometheus_client` writes (OpenMetrics).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> Vec<Route<SharedSite>> {
    let route = Route::get("/metrics", metrics).named(
        "getMetrics",
        Tag::Operators,
        "What the server counted, as Prometheus reads it",
        "Each name and label is explained in `docs/operations.md`. Keep it from strangers in front of the server.",
    );
    vec![route.answers(Answer::media("Counters and gauges", OPEN_METRICS))]
}

/// `GET /metrics`.
pub(super) async fn metrics(State(site): State<SharedSite>) -> Response {
    let mut registry = Registry::with_prefix("tablecast");
    let build = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The version that runs", Info::new(build));
    registry.register_collector(Box::new(Counted(site.clone())));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => (
            [(CONTENT_TYPE, OPEN_METRICS), (CACHE_CONTROL, "no-store")],
            text,
        )
            .into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            Problem::internal("metrics cannot be written").into_response()
        }
    }
}

/// The handshakes that are refused before the hub is asked.
const HANDSHAKES: [Reason; 4] = [
    reason::BAD_REQUEST,
    reason::FOREIGN_ORIGIN,
    reason::RATE_LIMITED,
    reason::UPGRADE_REQUIRED,
];

/// Creates all series that this server may count, so that they exist from the start.
pub(crate) fn expect(metrics: &Metrics) {
    let codes = tablecast_lunch::code::ALL.iter();
    metrics.rejections.expect(codes.map(|(code, _)| *code));
    let outcomes = HANDSHAKES.iter().map(|reason| reason.code());
    metrics.handshakes.expect(outcomes);
}

#[derive(Debug)]
struct Counted(SharedSite);

impl Collector for Counted {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let hub = &self.0.hub;
        let of = hub.metrics();
        gauge(
            &mut to,
            "rooms",
            "Rooms open on this server",
            of.rooms.get(),
        )?;
        gauge(
            &mut to,
            "members",
            "Connections with a seat here",
            of.members.get(),
        )?;
        gauge(
            &mut to,
            "connections",
            "Open WebSocket connections",
            of.connections.get(),
        )?;
        let is_up = i64::from(hub.health().is_up());
        gauge(
            &mut to,
            "backend_up",
            "Whether the store takes changes",
            is_up,
        )?;
        let draining = i64::from(hub.is_draining());
        gauge(
            &mut to,
            "draining",
            "Whether this server is shutting down",
            draining,
        )?;

        counter(
            &mut to,
            "rooms_created",
            "Rooms made here",
            of.rooms_created.get(),
        )?;
        counter(&mut to, "commands", "Commands accepted", of.commands.get())?;
        let rejections = of.rejections.all().into_iter();
        by(
            "code",
            &mut to,
            "rejections",
            "Commands refused, by code",
            rejections.map(|(code, count)| (code.as_str(), count)),
        )?;
        by(
            "outcome",
            &mut to,
            "handshakes",
            "Handshakes, by what became of them",
            of.handshakes.all(),
        )?;
        let help = "HTTP answers, by route and status";
        let mut family = to.encode_descriptor("http_responses", help, None, MetricType::Counter)?;
        for ((route, status), value) in self.0.answers.all() {
            let labels = [("route", route), ("status", &status.to_string())];
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        counter(
            &mut to,
            "deliveries",
            "Writes handed to connections by a fan-out",
            of.deliveries.get(),
        )?;
        let closes = of
            .closes
            .all()
            .into_iter()
            .map(|(code, n)| (u32::from(code), n));
        by(
            "code",
            &mut to,
            "closes",
            "Connections closed, by close code",
            closes,
        )?;
        counter(
            &mut to,
            "conflicts",
            "Commits that were decided again",
            of.conflicts.get(),
        )?;
        counter(
            &mut to,
            "resyncs",
            "Rooms loaded again to close a gap",
            of.resyncs.get(),
        )?;
        let help = "How long the store took for a commit";
        let commits =
            to.encode_descriptor("commit", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        histogram(commits, &of.commits)
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn counter(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    ConstCounter::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn by<C: EncodeLabelValue>(
    label: &str,
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (C, u64)>,
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (code, value) in values {
        let labels = [(label, code)];
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn histogram(mut to: MetricEncoder<'_>, latency: &Latency) -> fmt::Result {
    let counts = latency.counts();
    let bounds = LATENCY_BOUNDS.into_iter().chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
    let count = counts.iter().sum();
    to.encode_histogram::<[(&str, &str); 0]>(latency.sum_seconds(), count, &buckets, None)
}
