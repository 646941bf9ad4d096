//! What a rule has found.

use std::fmt;

/// One violation: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A file, and the line if the rule knows it.
    place: String,
    message: String,
}

impl Finding {
    pub(super) fn new(place: &str, message: &str) -> Self {
        Self {
            place: place.to_owned(),
            message: message.to_owned(),
        }
    }

    /// A finding in the line of `text` with the byte at this offset.
    pub(super) fn at(path: &str, text: &str, offset: usize, message: &str) -> Self {
        let line = 1 + text[..offset].matches('\n').count();
        Self::new(&format!("{path}:{line}"), message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_file_and_line() {
        let finding = Finding::at("a.rs", "x\ny\nz", 4, "is wrong: mend it");
        assert_eq!(finding.to_string(), "a.rs:3: is wrong: mend it");
        let finding = Finding::new("a.rs", "is missing");
        assert_eq!(finding.to_string(), "a.rs: is missing");
    }

    #[test]
    fn the_line_of_an_offset_counts_from_one() {
        assert_eq!(Finding::at("a", "x\ny\nz", 0, "").place, "a:1");
        assert_eq!(Finding::at("a", "x\ny\nz", 3, "").place, "a:2");
    }
}
