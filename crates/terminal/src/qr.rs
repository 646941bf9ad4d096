//! A QR code of half blocks.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Black on white, whatever the terminal's own colours are: scanners want it so, and with
/// the colours left to chance half of all terminals would show it inverted.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const AS_BEFORE: &str = "\x1b[0m";

/// Modules left white on each side (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// The code with its quiet zone, each line ended. `None` if it does not fit into so many
/// columns, or the text into no code.
pub(crate) fn code(text: &str, columns: u16) -> Option<String> {
    // Nothing wears off a screen: the lowest level makes the largest modules.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    if code.width() + 2 * QUIET_ZONE > usize::from(columns) {
        return None;
    }
    let blocks = code.render::<Dense1x2>().quiet_zone(true).build();
    let lines = blocks
        .lines()
        .map(|line| format!("{BLACK_ON_WHITE}{line}{AS_BEFORE}\n"));
    Some(lines.collect())
}
