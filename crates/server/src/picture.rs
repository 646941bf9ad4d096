//! The picture that a chat shows for a link to a room.
//!
//! The font has Hangul, Latin, Greek, Cyrillic and kana. What it does not have, such as
//! emoji, is left out: an empty box says less than nothing. Glyphs stand side by side, which
//! is right for these scripts; texts are in their composed form (NFC) already.

use std::sync::LazyLock;

use bytes::Bytes;
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Transform};
use ttf_parser::{Face, OutlineBuilder};

use crate::packed;
use crate::preview::{Preview, Words};

/// The size that chats ask for, in pixels.
const WIDTH: u32 = 1200;
const HEIGHT: u32 = 630;

/// The space for text, in pixels: the rest is for the table.
const LEFT: f32 = 80.0;
const TEXT_WIDTH: f32 = 620.0;

/// Made by `font/make.py`.
static FILE: LazyLock<Bytes> =
    LazyLock::new(|| packed::from_lzma(include_bytes!("../font/tablecast-sans.otf.lzma")));

static FONT: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(&FILE, 0).ok());

/// The page's colours by day.
const BACKGROUND: u32 = 0xf6_ef_e3;
const INK: u32 = 0x2a_1f_18;
const SOFT: u32 = 0x6a_59_4c;
const ACCENT: u32 = 0xb5_37_1c;
const WOOD: u32 = 0xd3_bb_94;
const PLATE: u32 = 0xff_fd_f8;
const SEATS: [u32; 5] = [0xc9_30_29, 0xb9_58_00, 0x20_6b_38, 0x00_78_aa, 0x6b_3b_aa];

/// The picture as PNG; `None` only if there is no memory for it.
pub(crate) fn draw(preview: &Preview, words: &Words) -> Option<Vec<u8>> {
    let mut sheet = Sheet {
        pixels: Pixmap::new(WIDTH, HEIGHT)?,
        face: FONT.as_ref()?,
    };
    sheet.pixels.fill(colour(BACKGROUND));
    sheet.table();
    sheet.line("Tablecast", LEFT, 104.0, 34.0, ACCENT);
    // A title of only emoji is none here.
    let title = preview.title.as_deref().map(|title| sheet.shown(title));
    let title = title.filter(|title| !title.is_empty());
    let title = title.unwrap_or_else(|| words.untitled.to_owned());
    match preview.winner.as_deref().map(|winner| sheet.shown(winner)) {
        Some(winner) if !winner.is_empty() => {
            sheet.block(&title, 180.0, &[44.0], 1, SOFT);
            sheet.line(words.today, LEFT, 320.0, 44.0, INK);
            sheet.block(&winner, 345.0, &[104.0, 84.0, 68.0], 2, ACCENT);
        }
        _ => {
            let beside = LEFT + sheet.width("Tablecast  ", 34.0);
            sheet.line(words.invitation, beside, 104.0, 34.0, SOFT);
            let top = sheet.block(&title, 130.0, &[88.0, 72.0, 60.0], 2, INK);
            sheet.dishes(&preview.dishes, top + 26.0);
        }
    }
    sheet.pixels.encode_png().ok()
}

struct Sheet {
    pixels: Pixmap,
    face: &'static Face<'static>,
}

impl Sheet {
    /// The site's symbol: a round table from above.
    fn table(&mut self) {
        const X: f32 = 950.0;
        const Y: f32 = 315.0;
        self.disc(X, Y, 145.0, WOOD);
        for (n, seat) in (0_u8..).zip(SEATS) {
            let angle = f32::from(n) / 5.0 * std::f32::consts::TAU;
            self.disc(X + 190.0 * angle.sin(), Y - 190.0 * angle.cos(), 46.0, seat);
        }
        self.disc(X, Y, 78.0, PLATE);
        self.disc(X, Y, 39.0, ACCENT);
    }

    /// As many dishes as there is space for below `top`, and how many more there are.
    fn dishes(&mut self, dishes: &[String], mut top: f32) {
        const LINE: f32 = 54.0;
        const LAST: f32 = 500.0;
        const INDENT: f32 = 40.0;
        let mut more = dishes.len();
        let colours = SEATS.iter().cycle();
        for (dish, seat) in dishes.iter().zip(colours) {
            let dish = self.shown(dish);
            if dish.is_empty() {
                continue;
            }
            if top > LAST {
                break;
            }
            self.disc(LEFT + 10.0, top + 26.0, 10.0, *seat);
            let dish = self.cut(&dish, 38.0, TEXT_WIDTH - INDENT);
            self.line(&dish, LEFT + INDENT, top + 39.0, 38.0, INK);
            top += LINE;
            more -= 1;
        }
        if more > 0 {
            self.line(&format!("+{more}"), LEFT + INDENT, top + 36.0, 32.0, SOFT);
        }
    }

    fn disc(&mut self, x: f32, y: f32, radius: f32, rgb: u32) {
        let mut path = PathBuilder::new();
        path.push_circle(x, y, radius);
        self.fill(path, rgb);
    }

    fn fill(&mut self, path: PathBuilder, rgb: u32) {
        let mut paint = Paint::default();
        paint.set_color(colour(rgb));
        // Nothing is filled for a path without an area, such as a blank.
        if let Some(path) = path.finish() {
            let (rule, as_it_is) = (FillRule::Winding, Transform::identity());
            self.pixels.fill_path(&path, &paint, rule, as_it_is, None);
        }
    }

    /// The text without what the font does not have.
    fn shown(&self, text: &str) -> String {
        let known = text
            .chars()
            .map(|c| if c.is_whitespace() { ' ' } else { c });
        let known: String = known
            .filter(|c| self.face.glyph_index(*c).is_some())
            .collect();
        known.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let glyphs = text.chars().filter_map(|c| self.face.glyph_index(c));
        let advances = glyphs.filter_map(|glyph| self.face.glyph_hor_advance(glyph));
        advances.map(f32::from).sum::<f32>() * self.scale(size)
    }

    fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.face.units_per_em())
    }

    /// One line of text; `y` is that of its base.
    fn line(&mut self, text: &str, x: f32, y: f32, size: f32, rgb: u32) {
        let scale = self.scale(size);
        let mut pen = Pen {
            path: PathBuilder::new(),
            x,
            y,
            scale,
        };
        for glyph in text.chars().filter_map(|c| self.face.glyph_index(c)) {
            self.face.outline_glyph(glyph, &mut pen);
            pen.x += f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
        }
        self.fill(pen.path, rgb);
    }

    /// Lines of text below `top`, in the first of these sizes in which all of it fits, else
    /// cut in the last one. Returns where they end.
    fn block(&mut self, text: &str, top: f32, sizes: &[f32], most: usize, rgb: u32) -> f32 {
        let mut lines = Vec::new();
        let mut size = 0.0;
        for one in sizes {
            size = *one;
            lines = self.wrapped(text, size);
            if lines.len() <= most {
                break;
            }
        }
        if lines.len() > most {
            let rest = lines.split_off(most - 1).join(" ");
            lines.push(self.cut(&rest, size, TEXT_WIDTH));
        }
        let mut end = top;
        for line in lines {
            self.line(&line, LEFT, end + size, size, rgb);
            end += size * 1.22;
        }
        end
    }

    /// The text in lines, which end between words, or within one that is too long.
    fn wrapped(&self, text: &str, size: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let line = lines.last().map_or("", String::as_str);
            let longer = format!("{line} {word}");
            let longer = longer.trim_start();
            if self.width(longer, size) <= TEXT_WIDTH {
                let longer = longer.to_owned();
                lines.pop();
                lines.push(longer);
                continue;
            }
            if line.is_empty() {
                lines.pop();
            }
            let mut part = String::new();
            for c in word.chars() {
                part.push(c);
                if self.width(&part, size) > TEXT_WIDTH {
                    part.pop();
                    lines.push(std::mem::take(&mut part));
                    part.push(c);
                }
            }
            lines.push(part);
        }
        lines
    }

    /// As much of the text as fits into this width, with a sign if that is not all.
    fn cut(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let mut kept = String::new();
        for c in text.chars() {
            if self.width(&format!("{kept}{c}…"), size) > width {
                break;
            }
            kept.push(c);
        }
        format!("{}…", kept.trim_end())
    }
}

/// Draws a glyph. In fonts y points up.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

fn colour(rgb: u32) -> Color {
    let [_, red, green, blue] = rgb.to_be_bytes();
    Color::from_rgba8(red, green, blue, 255)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::language::Language;

    fn pixels(preview: &Preview) -> Pixmap {
        let png = draw(preview, Words::of(Language::Korean)).unwrap();
        let pixels = Pixmap::decode_png(&png).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (WIDTH, HEIGHT));
        pixels
    }

    fn named(title: &str, dishes: &[&str], winner: Option<&str>) -> Preview {
        Preview {
            title: Some(title.to_owned()),
            dishes: dishes.iter().map(|&dish| dish.to_owned()).collect(),
            winner: winner.map(str::to_owned),
        }
    }

    #[test]
    fn hangul_is_drawn_and_what_the_font_lacks_leaves_no_trace() {
        let plain = pixels(&named("점심 Lunch", &["똠얌꿍", "뷁"], None));
        let emoji = pixels(&named("점심 🍜🍜 Lunch", &["똠얌꿍🌶️", "뷁"], None));
        assert_eq!(plain.data(), emoji.data());
        assert_ne!(
            plain.data(),
            pixels(&named("점심 Lunch", &["똠얌", "뷁"], None)).data()
        );
        let untitled = Preview::default();
        assert_eq!(
            pixels(&named("🍜", &[], None)).data(),
            pixels(&untitled).data()
        );
    }

    #[test]
    fn no_text_leaves_its_place() {
        let long = "가".repeat(200);
        let words = "점심 ".repeat(100);
        let background = colour(BACKGROUND).premultiply().to_color_u8();
        for preview in [
            named(&long, &[&long, &long, &long, &long], None),
            named(&words, &[&words, &words, &words, "a", "b"], None),
            named(&words, &[], Some(&words)),
            named(&"W".repeat(200), &[], Some(&long)),
        ] {
            let drawn = pixels(&preview);
            for y in 0..HEIGHT {
                for x in (0..60).chain(708..712) {
                    assert_eq!(drawn.pixel(x, y), Some(background), "{x}, {y}");
                }
            }
            for x in 0..700 {
                assert_eq!(drawn.pixel(x, HEIGHT - 25), Some(background), "{x}");
            }
        }
    }
}
