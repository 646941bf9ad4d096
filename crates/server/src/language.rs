//! The choice of the page's language.

use axum::http::header::{ACCEPT_LANGUAGE, HeaderMap};

use crate::negotiation;

/// A language that the page speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Korean,
}

impl Language {
    pub(crate) const ALL: [Language; 2] = [Language::English, Language::Korean];

    /// As in `<html lang>`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Korean => "ko",
        }
    }

    /// The page's language with the highest weight in `Accept-Language`; English if it
    /// names none of them. `*` leaves the choice to the server: English.
    pub(crate) fn asked(headers: &HeaderMap) -> Self {
        let mut wanted = (Language::English, 0.0);
        for (range, weight) in negotiation::weighted(headers, ACCEPT_LANGUAGE) {
            let primary = range.split('-').next().unwrap_or_default();
            let language = match primary.to_ascii_lowercase().as_str() {
                "en" | "*" => Language::English,
                "ko" => Language::Korean,
                _ => continue,
            };
            // Of equal weights the first wins.
            if weight > wanted.1 {
                wanted = (language, weight);
            }
        }
        wanted.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_language_that_is_wanted_most_is_spoken() {
        for (asked, spoken) in [
            ("", Language::English),
            ("ko", Language::Korean),
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Language::Korean),
            ("en-GB,ko;q=0.9", Language::English),
            ("en;q=0.5, KO;q=0.8", Language::Korean),
            ("de,fr;q=0.9", Language::English),
            ("de,ko;q=0.1", Language::Korean),
            ("ko;q=0", Language::English),
            ("ko;q=x", Language::English),
            ("ko;q=NaN", Language::English),
            ("*;q=0.5,ko;q=0.1", Language::English),
            ("kok", Language::English),
            (",;,q=1,-", Language::English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, asked.parse().unwrap());
            assert_eq!(Language::asked(&headers), spoken, "{asked}");
        }
    }
}
