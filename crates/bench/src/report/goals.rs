//! What Tablecast is meant to reach, and whether it did, from the results alone.

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;

use super::format::{NOTHING, table};
use crate::figures::{Figure, Unit};
use crate::results::{Means, Results};

/// The goals; it says what a formula is.
const GOALS: &str = include_str!("goals.toml");

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
    counted: Option<bool>,
    peer: String,
    at_least: Option<String>,
    at_most: Option<String>,
    beside: Option<String>,
}

/// What a formula gives, and how its first figure was got; `None` if a figure was not measured.
type Value = Option<(f64, Option<Means>)>;

/// Every goal as a row.
///
/// # Errors
///
/// The goals cannot be read.
pub(super) fn goals_table(results: &Results) -> anyhow::Result<String> {
    let goals: Goals = toml::from_str(GOALS)?;
    let mut rows = vec![
        [
            "server",
            "figure",
            "goal",
            "reached",
            "beside it",
            "counted by",
            "",
        ]
        .map(str::to_owned)
        .into(),
    ];
    for goal in &goals.goal {
        let row = goal.row(results);
        rows.extend(row.with_context(|| format!("goal: {}, {}", goal.server, goal.figure))?);
    }
    Ok(table(rows))
}

impl Goal {
    /// `None` if another takes its place.
    fn row(&self, results: &Results) -> anyhow::Result<Option<Vec<String>>> {
        let workload = self.value.split(' ').next().unwrap_or_default();
        let kernel = results.get(workload, "relay", Figure::KernelInstructions);
        if self
            .counted
            .is_some_and(|counted| counted != kernel.is_some())
        {
            return Ok(None);
        }
        let of = |peer: &str| formula(results, &self.value.replace("{}", peer));
        let bound = |bound: &Option<String>| match bound {
            Some(bound) => Ok(formula(results, bound)?.map(|(bound, _)| bound)),
            None => anyhow::Ok(None),
        };
        let write = |value| self.unit.write(value);
        let (reached, least, most) = (
            of(&self.peer)?,
            bound(&self.at_least)?,
            bound(&self.at_most)?,
        );
        let goal = match (least, most) {
            (Some(least), Some(most)) => format!("{} – {}", write(least), write(most)),
            (Some(least), None) => format!("≥ {}", write(least)),
            (None, Some(most)) => format!("≤ {}", write(most)),
            (None, None) => NOTHING.to_owned(),
        };
        let verdict = match reached.filter(|_| goal != NOTHING) {
            Some((value, _))
                if least.is_none_or(|l| l <= value) && most.is_none_or(|m| value <= m) =>
            {
                "reached"
            }
            Some(_) => "**not reached**",
            None => "not measured",
        };
        let beside = match &self.beside {
            Some(peer) => {
                of(peer)?.map(|(value, _)| format!("{}: {}", results.title(peer), write(value)))
            }
            None => None,
        };
        let nothing = || NOTHING.to_owned();
        let means = reached.and_then(|(_, means)| means);
        Ok(Some(vec![
            self.server.clone(),
            self.figure.clone(),
            goal,
            reached.map_or_else(nothing, |(value, _)| write(value)),
            beside.unwrap_or_else(nothing),
            means.map_or_else(nothing, |means| means.name().to_owned()),
            verdict.to_owned(),
        ]))
    }
}

/// Works a formula out from left to right.
fn formula(results: &Results, text: &str) -> anyhow::Result<Value> {
    let (first, operators) = match text.find(" / ").into_iter().chain(text.find(" - ")).min() {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut value = term(results, first)?;
    for part in operators
        .replace(" / ", "\n/")
        .replace(" - ", "\n-")
        .lines()
        .skip(1)
    {
        let (operator, right) = part.split_at(1);
        let right = term(results, right)?;
        value = value
            .zip(right)
            .and_then(|((left, means), (right, _))| match operator {
                "-" => Some(((left - right).max(0.0), means)),
                _ => (right > 0.0).then(|| (left / right, means)),
            });
    }
    Ok(value)
}

fn term(results: &Results, text: &str) -> anyhow::Result<Value> {
    if let Ok(number) = text.parse() {
        return Ok(Some((number, None)));
    }
    let words: Vec<&str> = text.split(' ').collect();
    let (workload, peer, figure, is_ratio) = match words[..] {
        [workload, peer, figure] => (workload, peer, figure, false),
        [workload, peer, figure, "ratio"] => (workload, peer, figure, true),
        _ => bail!("`{text}` is no figure"),
    };
    let get = |figure| {
        let summary = results.get(workload, peer, figure)?;
        let value = if is_ratio {
            summary.ratio?
        } else {
            summary.median
        };
        Some((value, Some(summary.means)))
    };
    if figure == "instructions" {
        let both = get(Figure::UserInstructions).zip(get(Figure::KernelInstructions));
        return Ok(both.map(|((user, _), (kernel, means))| (user + kernel, means)));
    }
    let name: serde::de::value::StrDeserializer<'_, Error> = figure.into_deserializer();
    Ok(get(Figure::deserialize(name)?))
}
