//! Content negotiation: lists with weights, as in `Accept` and similar headers.

use axum::http::header::{HeaderMap, HeaderName};

/// The entries of all fields with this name, each with its weight from 0 (not at all) to 1.
/// An entry without a weight has 1, one with an invalid weight 0.
pub(crate) fn weighted(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, f32)> {
    let lines = headers.get_all(name).into_iter();
    let listed = lines.filter_map(|line| line.to_str().ok());
    listed.flat_map(|line| line.split(',')).map(|wish| {
        let (what, parameters) = wish.split_once(';').unwrap_or((wish, ""));
        let mut parameters = parameters.split(';');
        let weight = parameters.find_map(|parameter| parameter.trim().strip_prefix("q="));
        let weight = weight.map_or(Ok(1.0), str::parse).unwrap_or(0.0);
        (what.trim(), if weight > 0.0 { weight } else { 0.0 })
    })
}

/// The highest weight of `these`; 0 if none of them is listed.
pub(crate) fn weight_of(headers: &HeaderMap, name: HeaderName, these: &[&str]) -> f32 {
    weighted(headers, name)
        .filter(|(what, _)| these.iter().any(|this| what.eq_ignore_ascii_case(this)))
        .fold(0.0, |most, (_, weight)| weight.max(most))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::header::ACCEPT;

    use super::*;

    #[test]
    fn a_wish_has_the_weight_that_is_said_and_else_the_whole() {
        for (asked, weight) in [
            ("", 0.0),
            ("*/*", 0.0),
            ("text/html", 1.0),
            ("TEXT/html ; level=1 ; q=0.5", 0.5),
            ("a/b, text/html;q=0.2, text/html;q=0.4", 0.4),
            ("text/html;q=0", 0.0),
            ("text/html;q=-1", 0.0),
            ("text/html;q=NaN", 0.0),
            ("text/html;q=x", 0.0),
            ("text/htmlx, x/text/html", 0.0),
            (",;,q=1,-", 0.0),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, "c/d".parse().unwrap());
            headers.append(ACCEPT, asked.parse().unwrap());
            assert_eq!(
                weight_of(&headers, ACCEPT, &["text/html"]),
                weight,
                "{asked}"
            );
        }
    }
}
