//! What a room was asked and has not answered yet.

use std::collections::{HashSet, VecDeque};

use tokio::time::Instant;

use crate::app::App;
use crate::dialect::Dialect;
use crate::room_task::batch::{Outcome, Request};

/// Requests in the order in which they came. The first ones are decided and wait for
/// the store; they keep their places until it has answered.
pub(super) struct Queue<A: App> {
    /// A decided request that was answered meanwhile, because it took too long, is
    /// `None`. Of what is not decided the outcome means nothing.
    requests: VecDeque<(Option<Request<A>>, Outcome)>,
    decided: usize,
}

impl<A: App> Queue<A> {
    pub(super) fn new() -> Self {
        Queue {
            requests: VecDeque::new(),
            decided: 0,
        }
    }

    /// Whether nothing is left to be answered.
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn push(&mut self, request: Request<A>) {
        self.requests.push_back((Some(request), Outcome::Quiet));
    }

    /// Puts a request before all others that are not decided.
    pub(super) fn push_first(&mut self, request: Request<A>) {
        self.requests
            .insert(self.decided, (Some(request), Outcome::Quiet));
    }

    /// What is not decided, in order.
    pub(super) fn undecided(&self) -> impl Iterator<Item = &Request<A>> {
        let undecided = self.requests.range(self.decided..);
        undecided.filter_map(|(request, _)| request.as_ref())
    }

    /// The next one to be decided.
    pub(super) fn next_undecided(&self) -> Option<&Request<A>> {
        let (request, _) = self.requests.get(self.decided)?;
        request.as_ref()
    }

    /// This was decided of the next one.
    pub(super) fn decided(&mut self, so: Outcome) {
        if let Some((_, outcome)) = self.requests.get_mut(self.decided) {
            *outcome = so;
            self.decided += 1;
        }
    }

    /// Whether any of the decided ones waits for an answer.
    pub(super) fn is_awaited(&self) -> bool {
        let mut decided = self.requests.range(..self.decided);
        decided.any(|(request, outcome)| request.is_some() && !matches!(outcome, Outcome::Quiet))
    }

    /// Takes the next of the decided ones, to be answered.
    pub(super) fn pop_decided(&mut self) -> Option<(Option<Request<A>>, Outcome)> {
        self.decided = self.decided.checked_sub(1)?;
        self.requests.pop_front()
    }

    /// Takes the next one, decided or not.
    pub(super) fn pop(&mut self) -> Option<Request<A>> {
        self.decide_again();
        self.requests.pop_front()?.0
    }

    /// Nothing is decided any more: all of it has to be decided again.
    pub(super) fn decide_again(&mut self) {
        if std::mem::take(&mut self.decided) > 0 {
            self.requests.retain(|(request, _)| request.is_some());
        }
    }

    /// Takes out what is not decided and meets the condition.
    pub(super) fn take_undecided(
        &mut self,
        which: impl Fn(&Request<A>) -> bool,
    ) -> Vec<Request<A>> {
        let undecided = self.requests.range_mut(self.decided..);
        let taken = undecided
            .filter_map(|(request, _)| request.take_if(|request| which(request)))
            .collect();
        self.forget_taken();
        taken
    }

    /// Takes out what should have been answered by now, and with a command in JSON all
    /// later ones of its connection: they must not take effect without it.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<Request<A>> {
        let mut given_up = HashSet::new();
        let mut late = |request: &mut Request<A>| {
            let is_late = request.deadline().is_some_and(|at| at <= now);
            match request {
                Request::Say(say) if say.dialect == Dialect::Json => {
                    if is_late {
                        given_up.insert(say.connection);
                    }
                    given_up.contains(&say.connection)
                }
                _ => is_late,
            }
        };
        let all = self.requests.iter_mut();
        let taken = all
            .filter_map(|(request, _)| request.take_if(&mut late))
            .collect();
        self.forget_taken();
        taken
    }

    /// Closes the gaps between those that are not decided.
    fn forget_taken(&mut self) {
        let mut at = 0;
        self.requests.retain(|(request, _)| {
            at += 1;
            at <= self.decided || request.is_some()
        });
    }

    /// When the first of all is to be answered at the latest.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let open = self
            .requests
            .iter()
            .filter_map(|(request, _)| request.as_ref());
        open.filter_map(Request::deadline).min()
    }
}
