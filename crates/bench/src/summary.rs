//! Makes medians, ranges and ratios from the figures of the rounds.

use std::collections::BTreeMap;

use crate::results::{Cell, Figure, Summary};

/// The figures of one round, each value in the unit of its [`Figure`].
pub type Figures = BTreeMap<Figure, f64>;

/// The figures of all rounds.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// By workload, peer and figure, then by round.
    rounds: BTreeMap<(String, String, Figure), BTreeMap<usize, f64>>,
}

impl Samples {
    /// Adds figures of a round, also to those that it has already.
    pub fn add(&mut self, workload: &str, peer: &str, round: usize, figures: Figures) {
        for (figure, value) in figures {
            let of = (workload.to_owned(), peer.to_owned(), figure);
            self.rounds.entry(of).or_default().insert(round, value);
        }
    }

    /// Summarizes all rounds. A ratio compares with the `base` in the same round, because a
    /// machine's speed changes more between rounds than within one.
    pub fn cells(&self, base: &str) -> Vec<Cell> {
        let mut cells = BTreeMap::<_, BTreeMap<Figure, Summary>>::new();
        for ((workload, peer, figure), values) in &self.rounds {
            let base = &(workload.clone(), base.to_owned(), *figure);
            let summary = summary(values, self.rounds.get(base));
            let figures = cells.entry((workload, peer)).or_default();
            figures.extend(summary.map(|summary| (*figure, summary)));
        }
        let cells = cells.into_iter().map(|((workload, peer), figures)| Cell {
            workload: workload.clone(),
            peer: peer.clone(),
            figures,
        });
        cells.collect()
    }
}

fn summary(rounds: &BTreeMap<usize, f64>, base: Option<&BTreeMap<usize, f64>>) -> Option<Summary> {
    let ratios = rounds.iter().filter_map(|(round, value)| {
        let base = base?.get(round).filter(|base| **base > 0.0);
        base.map(|base| value / base)
    });
    let values = sorted(rounds.values().copied());
    Some(Summary {
        median: median(&values)?,
        min: *values.first()?,
        max: *values.last()?,
        ratio: median(&sorted(ratios)),
    })
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The median. Of an even number of values it is the mean of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(value: f64) -> Figures {
        [(Figure::Cpu, value)].into()
    }

    fn cell(samples: &Samples, peer: &str) -> Summary {
        let cells = samples.cells("raw");
        let cell = cells.iter().find(|cell| cell.peer == peer).unwrap();
        cell.figures[&Figure::Cpu].clone()
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios() {
        let mut samples = Samples::default();
        // The machine is three times slower in the second round.
        for (round, raw, relay) in [(0, 2.0, 3.0), (1, 6.0, 12.0), (2, 2.0, 2.0)] {
            samples.add("rooms", "raw", round, cpu(raw));
            samples.add("rooms", "relay", round, cpu(relay));
        }
        let relay = cell(&samples, "relay");
        assert_eq!((relay.min, relay.median, relay.max), (2.0, 3.0, 12.0));
        assert_eq!(relay.ratio, Some(1.5));
        assert_eq!(cell(&samples, "raw").ratio, Some(1.0));
    }

    #[test]
    fn a_round_without_the_base_has_no_ratio() {
        let mut samples = Samples::default();
        samples.add("rooms", "raw", 0, cpu(1.0));
        samples.add("rooms", "relay", 1, cpu(4.0));
        samples.add("rooms", "relay", 2, cpu(2.0));
        samples.add("other", "relay", 0, cpu(9.0));
        let relay = cell(&samples, "relay");
        assert_eq!((relay.median, relay.ratio), (9.0, None));
        let cells = samples.cells("raw");
        let relay = cells
            .iter()
            .find(|c| (&*c.workload, &*c.peer) == ("rooms", "relay"));
        let relay = &relay.unwrap().figures[&Figure::Cpu];
        assert_eq!((relay.median, relay.ratio), (3.0, None));
    }

    #[test]
    fn a_base_of_zero_has_no_ratio() {
        let mut samples = Samples::default();
        samples.add("rooms", "raw", 0, cpu(0.0));
        samples.add("rooms", "relay", 0, cpu(4.0));
        assert_eq!(cell(&samples, "relay").ratio, None);
    }

    #[test]
    fn figures_of_one_round_may_come_in_parts() {
        let mut samples = Samples::default();
        samples.add("rooms", "raw", 0, cpu(1.0));
        samples.add("rooms", "raw", 0, [(Figure::P50, 7.0)].into());
        let cells = samples.cells("raw");
        assert_eq!(cells.len(), 1);
        assert_eq!(cells[0].figures.len(), 2);
        assert_eq!(cells[0].figures[&Figure::P50].median, 7.0);
    }
}
