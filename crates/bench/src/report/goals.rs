//! What Tablecast is meant to reach, and whether it did, from the results alone.

use anyhow::{Context, bail};
use serde::Deserialize;

use super::format::{NOTHING, table};
use crate::figures::{Figure, Unit};
use crate::results::Results;

/// The goals; it says what a formula is.
const GOALS: &str = include_str!("goals.toml");

const HEAD: [&str; 7] = [
    "server",
    "figure",
    "goal",
    "reached",
    "beside it",
    "counted by",
    "",
];

#[derive(Deserialize)]
struct Goals {
    goal: Vec<Goal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Goal {
    /// Which server does what.
    server: String,
    /// What is counted.
    figure: String,
    unit: Unit,
    value: String,
    peer: String,
    at_least: Option<String>,
    at_most: Option<String>,
    beside: Option<String>,
}

/// Every goal as a row.
///
/// # Errors
///
/// The goals cannot be read.
pub(super) fn goals_table(results: &Results) -> anyhow::Result<String> {
    let goals: Goals = toml::from_str(GOALS)?;
    let rows = goals.goal.iter().map(|goal| {
        let row = goal.row(results);
        row.with_context(|| format!("goal: {}, {}", goal.server, goal.figure))
    });
    let rows = rows.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(table(&HEAD, rows))
}

impl Goal {
    fn row(&self, results: &Results) -> anyhow::Result<Vec<String>> {
        let of = |peer: &str| formula(results, &self.value.replace("{}", peer));
        let bound = |bound: &Option<String>| match bound {
            Some(bound) => formula(results, bound),
            None => Ok(None),
        };
        let write = |value| self.unit.write(value);
        let reached = of(&self.peer)?;
        let (least, most) = (bound(&self.at_least)?, bound(&self.at_most)?);
        let goal = match (least, most) {
            (Some(least), Some(most)) => Some(format!("{} – {}", write(least), write(most))),
            (Some(least), None) => Some(format!("≥ {}", write(least))),
            (None, Some(most)) => Some(format!("≤ {}", write(most))),
            (None, None) => None,
        };
        let verdict = match reached.filter(|_| goal.is_some()) {
            Some(value) if least.is_none_or(|l| l <= value) && most.is_none_or(|m| value <= m) => {
                "reached"
            }
            Some(_) => "**not reached**",
            None => "not measured",
        };
        let beside = match &self.beside {
            Some(peer) => {
                of(peer)?.map(|value| format!("{}: {}", results.title(peer), write(value)))
            }
            None => None,
        };
        let first = self.value.split(' ').nth(2);
        let figure: Figure = serde_json::from_value(first.into())?;
        let means = reached.map(|_| figure.column().means.to_owned());
        let or_nothing = |cell: Option<String>| cell.unwrap_or_else(|| NOTHING.to_owned());
        Ok(vec![
            self.server.clone(),
            self.figure.clone(),
            or_nothing(goal),
            or_nothing(reached.map(write)),
            or_nothing(beside),
            or_nothing(means),
            verdict.to_owned(),
        ])
    }
}

/// Works a formula out from left to right; `None` if a figure was not measured.
fn formula(results: &Results, text: &str) -> anyhow::Result<Option<f64>> {
    let mut value = None;
    for part in text.replace(" / ", "\n/ ").replace(" - ", "\n- ").lines() {
        let right = |text| anyhow::Ok(value.zip(term(results, text)?));
        value = match part.split_at_checked(2) {
            Some(("/ ", text)) => right(text)?.map(|(left, right)| left / right),
            Some(("- ", text)) => {
                right(text)?.map(|(left, right): (f64, f64)| (left - right).max(0.0))
            }
            _ => term(results, part)?,
        };
    }
    // A division by nothing measures nothing.
    Ok(value.filter(|value| value.is_finite()))
}

/// A number, or a figure as it was measured.
fn term(results: &Results, text: &str) -> anyhow::Result<Option<f64>> {
    if let Ok(number) = text.parse() {
        return Ok(Some(number));
    }
    let (workload, peer, figure, is_ratio) = match text.split(' ').collect::<Vec<_>>()[..] {
        [workload, peer, figure] => (workload, peer, figure, false),
        [workload, peer, figure, "ratio"] => (workload, peer, figure, true),
        _ => bail!("`{text}` is no figure"),
    };
    let summary = results.get(workload, peer, serde_json::from_value(figure.into())?);
    Ok(match is_ratio {
        true => summary.and_then(|summary| summary.ratio),
        false => summary.map(|summary| summary.median),
    })
}
