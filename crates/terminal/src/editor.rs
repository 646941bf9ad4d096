//! One line that is being typed. The editors that exist as libraries move by characters;
//! this one moves by what people see as one (UAX 29), so that a flag or 한글 in parts is
//! never cut.

use crate::text::columns;
use unicode_segmentation::UnicodeSegmentation;

/// The most bytes: what fits into a command, with room for its escapes.
const MOST_BYTES: usize = 4096;

/// A line and the place in it where typing goes on.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    text: String,
    /// A byte offset between two graphemes.
    at: usize,
}

impl Editor {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn take(&mut self) -> String {
        self.at = 0;
        std::mem::take(&mut self.text)
    }

    /// Puts text in, if there is room for it: whether there was. What is no character to be
    /// shown becomes a blank.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let text = text.replace(char::is_control, " ");
        let fits = self.text.len() + text.len() <= MOST_BYTES;
        if fits {
            self.text.insert_str(self.at, &text);
            self.at += text.len();
            // A combining mark may have joined what stands behind.
            self.at = self.boundary(self.at);
        }
        fits
    }

    /// The first boundary of graphemes at this offset or behind it.
    fn boundary(&self, at: usize) -> usize {
        let mut starts = self.text.grapheme_indices(true).map(|(start, _)| start);
        starts.find(|start| *start >= at).unwrap_or(self.text.len())
    }

    fn before(&self) -> usize {
        let grapheme = self.text[..self.at].graphemes(true).next_back();
        self.at - grapheme.map_or(0, str::len)
    }

    fn behind(&self) -> usize {
        let grapheme = self.text[self.at..].graphemes(true).next();
        self.at + grapheme.map_or(0, str::len)
    }

    pub(crate) fn backspace(&mut self) {
        let from = self.before();
        self.text.drain(from..self.at);
        self.at = from;
    }

    pub(crate) fn delete(&mut self) {
        let to = self.behind();
        self.text.drain(self.at..to);
    }

    /// Deletes the word before, and the blanks behind it.
    pub(crate) fn delete_word(&mut self) {
        let before = self.text[..self.at].trim_end();
        let from = before.rfind(char::is_whitespace).map_or(0, |blank| {
            blank + before[blank..].chars().next().map_or(0, char::len_utf8)
        });
        self.text.drain(from..self.at);
        self.at = from;
    }

    /// Deletes everything before.
    pub(crate) fn delete_all(&mut self) {
        self.text.drain(..self.at);
        self.at = 0;
    }

    pub(crate) fn left(&mut self) {
        self.at = self.before();
    }

    pub(crate) fn right(&mut self) {
        self.at = self.behind();
    }

    pub(crate) fn home(&mut self) {
        self.at = 0;
    }

    pub(crate) fn end(&mut self) {
        self.at = self.text.len();
    }

    /// What fits into so many columns around the cursor, and the cursor's column in it.
    pub(crate) fn visible(&self, most: usize) -> (&str, usize) {
        let mut from = self.at;
        let mut width = 0;
        // One column is the cursor's.
        for grapheme in self.text[..self.at].graphemes(true).rev() {
            if width + columns(grapheme) + 1 > most {
                break;
            }
            width += columns(grapheme);
            from -= grapheme.len();
        }
        (&self.text[from..], width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Editor {
        let mut line = Editor::default();
        assert!(line.insert(text));
        line
    }

    #[test]
    fn what_people_see_as_one_character_is_deleted_as_one() {
        let mut line = line("김치👨‍👩‍👧");
        line.backspace();
        assert_eq!(line.text(), "김치");
        line.left();
        line.delete();
        assert_eq!(line.text(), "김");
        line.home();
        line.insert("e");
        line.insert("\u{301}");
        line.backspace();
        assert_eq!(line.text(), "김");
    }

    #[test]
    fn words_and_lines_are_deleted_whole() {
        let mut line = line("김치 찌개  ");
        line.delete_word();
        assert_eq!(line.text(), "김치 ");
        line.delete_word();
        assert_eq!(line.text(), "");
        line.delete_word();
        line.insert("a b");
        line.left();
        line.delete_all();
        assert_eq!(line.take(), "b");
    }

    #[test]
    fn control_characters_become_blanks() {
        assert_eq!(line("a\r\nb\x1b[2J").text(), "a  b [2J");
    }

    #[test]
    fn the_cursor_is_always_visible_and_wide_characters_count_twice() {
        let mut line = line("김치찌개");
        assert_eq!(line.visible(20), ("김치찌개", 8));
        assert_eq!(line.visible(6), ("찌개", 4));
        assert_eq!(line.visible(5), ("찌개", 4));
        line.home();
        assert_eq!(line.visible(5), ("김치찌개", 0));
    }
}
