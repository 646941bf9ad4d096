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
    requests: VecDeque<Waiting<A>>,
    decided: usize,
    /// So many questions were put to the store, and the number of the newest one whose
    /// answer said where the room stands.
    asked: u64,
    known: u64,
}

struct Waiting<A: App> {
    request: Option<Request<A>>,
    outcome: Outcome,
    /// So many questions had been put to the store when it came.
    came: u64,
}

impl<A: App> Queue<A> {
    pub(super) fn new() -> Self {
        Queue {
            requests: VecDeque::new(),
            decided: 0,
            asked: 0,
            known: 0,
        }
    }

    /// Whether nothing is left to be answered.
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn push(&mut self, request: Request<A>) {
        let waiting = self.waiting(request);
        self.requests.push_back(waiting);
    }

    fn waiting(&self, request: Request<A>) -> Waiting<A> {
        Waiting {
            request: Some(request),
            outcome: Outcome::Quiet,
            came: self.asked,
        }
    }

    /// The store is asked.
    pub(super) fn asks(&mut self) {
        self.asked += 1;
    }

    /// The newest answer of the store said where the room stands.
    pub(super) fn knows(&mut self) {
        self.known = self.asked;
    }

    /// Puts a request before all others that are not decided.
    pub(super) fn push_first(&mut self, request: Request<A>) {
        let waiting = self.waiting(request);
        self.requests.insert(self.decided, waiting);
    }

    /// What is not decided, in order.
    pub(super) fn undecided(&self) -> impl Iterator<Item = &Request<A>> {
        let undecided = self.requests.range(self.decided..);
        undecided.filter_map(|waiting| waiting.request.as_ref())
    }

    /// The next one to be decided.
    pub(super) fn next_undecided(&self) -> Option<&Request<A>> {
        self.requests.get(self.decided)?.request.as_ref()
    }

    /// This was decided of the next one.
    pub(super) fn decided(&mut self, so: Outcome) {
        if let Some(waiting) = self.requests.get_mut(self.decided) {
            waiting.outcome = so;
            self.decided += 1;
        }
    }

    /// Of what was decided and changes nothing, keeps what may be told: up to the first
    /// that waits for an answer and came after the room was last known to stand as it was
    /// decided. False if nothing is left; then all of it stays decided.
    pub(super) fn keep_known(&mut self) -> bool {
        let is_awaited =
            |one: &Waiting<A>| one.request.is_some() && !matches!(one.outcome, Outcome::Quiet);
        let mut decided = self.requests.range(..self.decided);
        match decided.position(|one| is_awaited(one) && one.came >= self.known) {
            None => true,
            Some(0) => false,
            Some(first) => {
                self.decided = first;
                true
            }
        }
    }

    /// Takes the next of the decided ones, to be answered.
    pub(super) fn pop_decided(&mut self) -> Option<(Option<Request<A>>, Outcome)> {
        self.decided = self.decided.checked_sub(1)?;
        let Waiting {
            request, outcome, ..
        } = self.requests.pop_front()?;
        Some((request, outcome))
    }

    /// Takes the next one, decided or not.
    pub(super) fn pop(&mut self) -> Option<Request<A>> {
        self.decide_again();
        self.requests.pop_front()?.request
    }

    /// Nothing is decided any more: all of it has to be decided again.
    pub(super) fn decide_again(&mut self) {
        if std::mem::take(&mut self.decided) > 0 {
            self.requests.retain(|waiting| waiting.request.is_some());
        }
    }

    /// Takes out what is not decided and meets the condition.
    pub(super) fn take_undecided(
        &mut self,
        which: impl Fn(&Request<A>) -> bool,
    ) -> Vec<Request<A>> {
        let undecided = self.requests.range_mut(self.decided..);
        let taken = undecided
            .filter_map(|waiting| waiting.request.take_if(|request| which(request)))
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
            .filter_map(|waiting| waiting.request.take_if(&mut late))
            .collect();
        self.forget_taken();
        taken
    }

    /// Closes the gaps between those that are not decided.
    fn forget_taken(&mut self) {
        let mut at = 0;
        self.requests.retain(|waiting| {
            at += 1;
            at <= self.decided || waiting.request.is_some()
        });
    }

    /// When the first of all is to be answered at the latest.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let open = self
            .requests
            .iter()
            .filter_map(|waiting| waiting.request.as_ref());
        open.filter_map(Request::deadline).min()
    }
}
