//! Keeps what people wrote into the report when it is made again.
//!
//! A remark is between two comments with its name, which Markdown does not show.

/// The text as long as nobody has written a remark.
const EMPTY: &str = "Nothing has been remarked yet.";

/// A remark with its comments. The text is that of `previous`, the report before.
pub(super) fn keep(name: &str, previous: &str) -> String {
    let (begin, end) = (
        format!("<!-- remarks: {name} -->"),
        format!("<!-- end of remarks: {name} -->"),
    );
    let kept = previous
        .split_once(&begin)
        .and_then(|(_, rest)| rest.split_once(&end))
        .map(|(text, _)| text.trim())
        .filter(|text| !text.is_empty())
        .unwrap_or(EMPTY);
    format!("{begin}\n\n{kept}\n\n{end}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_survives_any_number_of_reports() {
        let written = keep("goals", "").replace(EMPTY, "The profile\n\nshows *this*.");
        let again = keep("goals", &keep("goals", &format!("# Title\n{written}more")));
        assert_eq!(again, written);
        assert!(again.contains("The profile\n\nshows *this*."), "{again}");
    }

    #[test]
    fn remarks_of_another_name_are_another_place() {
        let report = format!("{}{}", keep("a", ""), keep("b", "")).replacen(EMPTY, "first", 1);
        assert!(keep("a", &report).contains("first"));
        assert!(keep("b", &report).contains(EMPTY));
    }

    #[test]
    fn a_comment_without_its_end_loses_the_place_and_nothing_else() {
        let report = "<!-- remarks: a -->\nwhole document";
        assert!(keep("a", report).contains(EMPTY));
    }
}
