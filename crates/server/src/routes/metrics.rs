//! The hub's metrics, in the format that Prometheus reads.

use std::fmt;
use std::time::UNIX_EPOCH;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tablecast::metrics::{LATENCY_BOUNDS, Latency, Metrics};
use tokio::task::spawn_blocking;

use super::process::Process;
use super::route::{Answer, Route, Tag};
use super::site::SharedSite;
use crate::reason::{self, Reason};
use tablecast_http::Problem;
use tablecast_http::tls::Status;

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
pub(crate) async fn metrics(State(site): State<SharedSite>) -> Response {
    let process = spawn_blocking(Process::read).await.unwrap_or_default();
    let mut all = Registry::default();
    let system = all.sub_registry_with_prefix("process");
    system.register_collector(Box::new(process));
    let registry = all.sub_registry_with_prefix("tablecast");
    let build = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The version that runs", Info::new(build));
    registry.register_collector(Box::new(Counted(site.clone())));
    let mut text = String::new();
    match encode(&mut text, &all) {
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
const HANDSHAKES: [Reason; 5] = [
    reason::BAD_REQUEST,
    reason::FOREIGN_ORIGIN,
    reason::NOT_ACCEPTABLE,
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
        let (taken, places) = hub.room_places();
        let gauges = [
            ("rooms", "Rooms open on this server", of.rooms.get()),
            (
                "room_places",
                "Rooms that there may be on this server",
                i64::try_from(places).unwrap_or(i64::MAX),
            ),
            (
                "room_places_taken",
                "Rooms that count against that limit",
                i64::try_from(taken).unwrap_or(i64::MAX),
            ),
            ("members", "Connections with a seat here", of.members.get()),
            (
                "watchers",
                "Connections that watch here, without a seat",
                of.watchers.get(),
            ),
            (
                "connections",
                "Open connections: WebSockets and streams of events",
                of.connections.get(),
            ),
            (
                "sse_connections",
                "The streams of events among the open connections",
                of.streams.get(),
            ),
            (
                "backend_up",
                "Whether the store takes changes",
                hub.health().is_up().into(),
            ),
            (
                "draining",
                "Whether this server is shutting down",
                hub.is_draining().into(),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::<i64>::new(value).encode(gauge)?;
        }
        let counters = [
            ("rooms_created", "Rooms made here", &of.rooms_created),
            ("commands", "Commands accepted", &of.commands),
            (
                "deliveries",
                "Writes handed to connections by a fan-out",
                &of.deliveries,
            ),
            (
                "conflicts",
                "Commits that were decided again",
                &of.conflicts,
            ),
            ("resyncs", "Rooms loaded again to close a gap", &of.resyncs),
        ];
        for (name, help, counted) in counters {
            let counter = to.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(counted.get()).encode(counter)?;
        }
        let rejections = of.rejections.all().into_iter();
        let rejections = rejections.map(|(code, count)| ([("code", code.as_str())], count));
        family(
            &mut to,
            "rejections",
            "Commands refused, by code",
            rejections,
        )?;
        let handshakes = of.handshakes.all().into_iter();
        let handshakes = handshakes.map(|(outcome, count)| ([("outcome", outcome)], count));
        family(
            &mut to,
            "handshakes",
            "Handshakes, by what became of them",
            handshakes,
        )?;
        let answers = self
            .0
            .answers
            .all()
            .into_iter()
            .map(|((route, status), count)| {
                let labels = [("route", route.to_owned()), ("status", status.to_string())];
                (labels, count)
            });
        family(
            &mut to,
            "http_responses",
            "HTTP answers, by route and status",
            answers,
        )?;
        let closes = of.closes.all().into_iter();
        let closes = closes.map(|(code, count)| ([("code", u32::from(code))], count));
        family(
            &mut to,
            "closes",
            "Connections closed, by close code",
            closes,
        )?;
        if let Some(tls) = &self.0.tls {
            certificate(&mut to, &tls.status())?;
        }
        let help = "How long the store took for a commit";
        let commits =
            to.encode_descriptor("commit", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        histogram(commits, &of.commits)
    }
}

/// What is known of the certificate. Without one it ends at 0, long ago.
fn certificate(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let end = status.not_after.unwrap_or(UNIX_EPOCH);
    let end = end.duration_since(UNIX_EPOCH).unwrap_or_default();
    let help = "When the certificate for this name ends";
    let name = "certificate_expiry_timestamp";
    let mut ends = to.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
    for domain in &status.domains {
        let label = [("domain", domain.as_str())];
        let seconds = end.as_secs().try_into().unwrap_or(i64::MAX);
        ConstGauge::<i64>::new(seconds).encode(ends.encode_family(&label)?)?;
    }
    let outcomes = [("ok", status.renewed), ("failed", status.failed)];
    let outcomes = outcomes.map(|(outcome, count)| ([("outcome", outcome)], count));
    let help = "New certificates, and attempts to get one that failed";
    family(to, "certificate_renewals", help, outcomes.into_iter())
}

/// A counter for each set of labels.
fn family<L: EncodeLabelSet>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl Iterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
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
