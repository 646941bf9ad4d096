//! Whether a draw was fair, as docs/protocol.md says that anybody can check it.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::menu::{Contribution, Decision, Drawn};

/// What checking a draw found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server had committed to the secret before it knew what members would add, the
    /// secret is that one, and it and the contributions lead to the winner.
    Fair,
    /// It adds up, but this client was not there when the server committed itself.
    AddsUp,
    /// It is fair for all whose contribution counted, but this client's did not. Once may
    /// be bad timing; a server that does it again and again leaves somebody out.
    WithoutYours,
    /// The secret is not the one that the server had committed to.
    OtherSecret,
    /// Secret and contributions lead to another winner.
    OtherWinner,
}

/// What a client knows that the record of a draw does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The commitment as it was before the draw began.
    pub commitment: Option<&'a str>,
    /// What this client said it would add.
    pub own: Option<&'a Contribution>,
}

/// Checks a draw. `None` if it was decided by votes.
pub fn check(decision: &Decision, known: Known<'_>) -> Option<Verdict> {
    let draw = decision.draw.as_ref()?;
    let committed = hex(&Sha256::digest(&draw.secret));
    if committed != draw.commitment || known.commitment.is_some_and(|known| known != committed) {
        return Some(Verdict::OtherSecret);
    }
    let winner = winner(draw).and_then(|index| draw.candidates.get(index));
    if winner.map(|candidate| candidate.number) != Some(decision.winner.number) {
        return Some(Verdict::OtherWinner);
    }
    let left_out = |own| !draw.contributions.contains(own);
    Some(match known.commitment {
        _ if known.own.is_some_and(left_out) => Verdict::WithoutYours,
        None => Verdict::AddsUp,
        Some(_) => Verdict::Fair,
    })
}

/// The winner's index among the candidates: the transcript's SHA-256 as a big-endian number,
/// modulo how many there are.
fn winner(draw: &Drawn) -> Option<usize> {
    let count = draw.candidates.len() as u64;
    let digest = Sha256::digest(transcript(draw));
    let step = |rest: u64, byte: &u8| (rest * 256 + u64::from(*byte)).checked_rem(count);
    let index = digest.iter().try_fold(0, step)?;
    usize::try_from(index).ok()
}

fn transcript(draw: &Drawn) -> String {
    let numbers: Vec<String> = draw
        .candidates
        .iter()
        .map(|candidate| candidate.number.to_string())
        .collect();
    let mut text = format!("tablecast draw\n{}\n{}\n", draw.secret, numbers.join(" "));
    for Contribution { member, value } in &draw.contributions {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{member} {value}");
    }
    text
}

/// As lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
