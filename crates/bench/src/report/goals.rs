//! The goals of Tablecast, and whether the results reach them.

use anyhow::{Context, bail};
use serde::Deserialize;

use super::format::table;
use crate::figures::{Figure, Unit};
use crate::lists;
use crate::results::Results;

/// The list of goals. It says what a formula is.
const GOALS: &str = include_str!("goals.toml");

/// The columns. The last one, without a heading, says whether the goal was reached.
const HEAD: &str = "server, figure, goal, reached, beside it, counted by, ";

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
    let head: Vec<&str> = HEAD.split(", ").collect();
    let goals = lists::entries::<Goal>(GOALS).into_iter().map(|goal| {
        let row = goal.row(results);
        row.with_context(|| format!("goal: {}, {}", goal.server, goal.figure))
    });
    Ok(table(&head, goals.collect::<anyhow::Result<Vec<_>>>()?))
}

impl Goal {
    fn row(&self, results: &Results) -> anyhow::Result<Vec<Option<String>>> {
        let write = |value| self.unit.write(value);
        let of = |peer: &str| formula(results, Some(&self.value.replace("{}", peer)));
        let reached = of(&self.peer)?;
        let least = formula(results, self.at_least.as_deref())?;
        let most = formula(results, self.at_most.as_deref())?;
        let goal = match (least, most) {
            (Some(least), Some(most)) => Some(format!("{} – {}", write(least), write(most))),
            (Some(least), None) => Some(format!("≥ {}", write(least))),
            (None, most) => most.map(|most| format!("≤ {}", write(most))),
        };
        let verdict = match reached.filter(|_| goal.is_some()) {
            Some(value) if least.is_none_or(|l| l <= value) && most.is_none_or(|m| value <= m) => {
                "reached"
            }
            Some(_) => "**not reached**",
            None => "not measured",
        };
        let beside = match &self.beside {
            Some(peer) => of(peer)?.map(|it| format!("{}: {}", results.title(peer), write(it))),
            None => None,
        };
        let first = self.value.split(' ').nth(2);
        let figure: Figure = serde_json::from_value(first.into())?;
        Ok(vec![
            Some(self.server.clone()),
            Some(self.figure.clone()),
            goal,
            reached.map(write),
            beside,
            reached.map(|_| figure.column().means.to_owned()),
            Some(verdict.to_owned()),
        ])
    }
}

/// Calculates a formula from left to right. `None` if there is none, or if a figure was not measured.
fn formula(results: &Results, text: Option<&str>) -> anyhow::Result<Option<f64>> {
    let mut value = None;
    let text = text.unwrap_or_default();
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
    // After a division by zero there is no value.
    Ok(value.filter(|value| value.is_finite()))
}

/// A number, or the value of a figure.
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
