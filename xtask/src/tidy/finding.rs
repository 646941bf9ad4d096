//! What a rule has found, in a line: where, what, and what to do.

/// One violation in a file; or in a line of it, as `FILE:LINE`.
pub(super) fn new(place: &str, message: &str) -> String {
    format!("{place}: {message}")
}

/// One in the line of `text` with the byte at this offset.
pub(super) fn at(path: &str, text: &str, offset: usize, message: &str) -> String {
    let line = 1 + text[..offset].matches('\n').count();
    new(&format!("{path}:{line}"), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_file_and_line() {
        let finding = at("a.rs", "x\ny\nz", 4, "is wrong: mend it");
        assert_eq!(finding, "a.rs:3: is wrong: mend it");
        assert_eq!(new("a.rs", "is missing"), "a.rs: is missing");
    }

    #[test]
    fn the_line_of_an_offset_counts_from_one() {
        assert_eq!(at("a", "x\ny\nz", 0, ""), "a:1: ");
        assert_eq!(at("a", "x\ny\nz", 3, ""), "a:2: ");
    }
}
