//! The lines of stdin. A line that cannot be read is reported, and reading goes on behind it.

use std::io::{self, BufRead, Read};

use crate::inputs::Inputs;
use crate::text::sanitise;

/// The longest line that is accepted, in bytes. No server takes so much, but its real limit is
/// known only when it answers.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// Some systems write it at the beginning of a file. It is not part of the text.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Without its end.
    Text(String),
    /// A line that cannot be read.
    Unreadable {
        /// Counted from 1.
        number: u64,
        /// How it begins, as far as it can be shown.
        begin: String,
        /// What is wrong with it.
        why: Why,
    },
}

/// Why a line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is no UTF-8.
    NotUtf8,
    /// It has more than [`MOST_BYTES`].
    TooLong,
}

/// The lines of stdin.
pub(crate) fn lines() -> Inputs<Line> {
    let mut numbers = 1..;
    Inputs::read(move || read(&mut io::stdin().lock(), numbers.next()?).transpose())
}

/// The next line, or `None` at the end. Takes no more memory than the longest line.
fn read(from: &mut impl BufRead, number: u64) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    // With what is no part of the text, and one more.
    let most = BYTE_ORDER_MARK.len() + MOST_BYTES + "\r\n".len() + 1;
    from.by_ref()
        .take(most as u64)
        .read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let is_whole = bytes.ends_with(b"\n");
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let why = if bytes.len() > MOST_BYTES {
        if !is_whole {
            from.skip_until(b'\n')?;
        }
        Why::TooLong
    } else {
        match str::from_utf8(bytes) {
            Ok(text) => return Ok(Some(Line::Text(text.to_owned()))),
            Err(_) => Why::NotUtf8,
        }
    };
    let begin = &bytes[..bytes.len().min(100)];
    let begin = sanitise(&String::from_utf8_lossy(begin));
    Ok(Some(Line::Unreadable { number, begin, why }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Vec<Line> {
        (1..)
            .map_while(|number| read(&mut bytes, number).unwrap())
            .collect()
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn what_cannot_be_said_is_named_and_the_rest_is_read() {
        let long = "x".repeat(MOST_BYTES + 1);
        let at_bound = "y".repeat(MOST_BYTES);
        // 김치 in EUC-KR.
        let mixed = [
            b"\xEF\xBB\xBFpizza\r\n\xB1\xE8\xC4\xA1\n",
            long.as_bytes(),
            b"\n",
            at_bound.as_bytes(),
            b"\n\nlast",
        ];
        let lines = all(&mixed.concat());
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], text("pizza"));
        assert!(matches!(
            lines[1],
            Line::Unreadable {
                number: 2,
                why: Why::NotUtf8,
                ..
            }
        ));
        assert!(
            matches!(&lines[2], Line::Unreadable { number: 3, why: Why::TooLong, begin } if begin.starts_with("xxx"))
        );
        assert_eq!(lines[3..], [text(&at_bound), text(""), text("last")]);
        for end in ["", "\n", "\nz"] {
            let lines = all(format!("{long}{long}{end}").as_bytes());
            assert_eq!(lines.len(), 1 + usize::from(end == "\nz"), "{end:?}");
        }
        for (begin, end) in [("", "\r\n"), ("\u{FEFF}", "\n"), ("\u{FEFF}", "\r\n")] {
            let lines = all(format!("{begin}{at_bound}{end}z").as_bytes());
            assert_eq!(lines, [text(&at_bound), text("z")], "{end:?}");
        }
        assert_eq!(all(b""), []);
    }
}
