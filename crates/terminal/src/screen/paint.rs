//! The picture. Only characters that are one column wide everywhere are used around the
//! text of others: many that look like lines or dots are two wide on Korean systems.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Clear, List, ListItem, ListState, Paragraph};
use tablecast_client::protocol::{Colour, push::Member};
use tablecast_client::{Millis, Status};
use tablecast_lunch::{Item, Verdict};
use unicode_width::UnicodeWidthStr;

use super::view::View;
use crate::lunch::{Room, Session, by_votes, is_decided, verdict};
use crate::text::{self, columns, cut};
use crate::words::Lang;

/// The members have a column of their own from this width on.
pub(super) const WIDE: u16 = 72;
const MEMBERS_WIDTH: u16 = 24;

/// From this height on, a line says more of the chosen item, and one is left blank.
const ROOMY: u16 = 12;

/// Below it the time left is a warning.
const SOON_OVER: u64 = 60;

/// Twelve colours of the 256 that can be read on black and on white.
const PALETTE: [u8; Colour::COUNT as usize] =
    [167, 172, 136, 64, 29, 31, 68, 98, 133, 168, 130, 66];

/// A text may take one of so many rows, so that there is room for the menu.
const ROWS_A_LINE: u16 = 6;

/// What the prompt takes.
const PROMPT: &str = "> ";

/// What stands before an item: the mark of the chosen one, its votes, and one's own.
const BEFORE_ITEM: usize = 9;

pub(super) fn paint(frame: &mut Frame<'_>, view: &mut View<'_>, session: &Session, now: Millis) {
    let area = frame.area();
    let is_wide = area.width >= WIDE;
    // With few rows, the menu is more important than details of it.
    let spare = u16::from(area.height >= ROOMY);
    let result =
        result_text(view, session).map(|(text, colour)| rows(&text, area).fg(colour).bold());
    let said = rows(&said_text(view, session), area);
    let detail = rows(&detail_text(view, session, area.width), area).dim();
    // The decision and the last message are shown completely, if need be on several lines.
    let most_rows = (area.height / ROWS_A_LINE).max(1);
    let height = |text: &Text<'_>| (text.height() as u16).min(most_rows);
    let result_rows = result.as_ref().map_or(spare, height);
    let said_rows = if spare > 0 { height(&said) } else { 1 };
    let detail_rows = if spare > 0 { height(&detail) } else { 0 };
    let [
        head,
        members,
        _,
        body,
        detail_area,
        result_area,
        said_area,
        prompt,
        help,
    ] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::from(!is_wide)),
        Constraint::Length(spare),
        Constraint::Fill(1),
        Constraint::Length(detail_rows),
        Constraint::Length(result_rows),
        Constraint::Length(said_rows),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    paint_head(frame, head, view, session, now);
    if let Some(room) = session.room() {
        let menu = if is_wide {
            let sides = [
                Constraint::Fill(1),
                Constraint::Length(1),
                Constraint::Length(MEMBERS_WIDTH),
            ];
            let [menu, _, side] = Layout::horizontal(sides).areas(body);
            paint_members(frame, side, view, room);
            menu
        } else {
            frame.render_widget(members_line(view, room, members.width), members);
            body
        };
        paint_menu(frame, menu, view, session, room);
    }
    frame.render_widget(detail, detail_area);
    frame.render_widget(result, result_area);
    frame.render_widget(said, said_area);
    paint_prompt(frame, prompt, view);
    let keys = match session.status() {
        Status::Ended(_) => view.lang().press_to_end,
        _ if is_wide => view.lang().keys_wide,
        _ => view.lang().keys_narrow,
    };
    frame.render_widget(Line::from(format!(" {keys}")).dim(), help);
    if let Some((show, from)) = view.list {
        let rows = view.lang().rows(show, session.room());
        let (from, seen) = paint_list(frame, view.lang(), rows, from);
        (view.list, view.list_rows) = (Some((show, from)), seen);
    }
}

/// A text as rows of this area, each after a space.
fn rows(text: &str, area: Rect) -> Text<'static> {
    let rows = text::rows(text, area.width.saturating_sub(1));
    rows.into_iter().map(|row| format!(" {row}")).collect()
}

/// More of the chosen item: where there is room, all that is known of it; and the whole item
/// if the list shows only a part.
fn detail_text(view: &View<'_>, session: &Session, width: u16) -> String {
    let chosen = session.room().and_then(|room| {
        let item = room.state.item(view.chosen?)?;
        Some((room, item))
    });
    let Some((room, item)) = chosen else {
        return String::new();
    };
    let is_cut = columns(&item.item) > room_for_item(width, room, item, view);
    match width >= WIDE || is_cut {
        true => view.lang().item(room, item),
        false if item.vetoes.is_empty() => view.lang().names(room, &item.votes),
        false => (view.lang().vetoed_by)(&view.lang().names(room, &item.vetoes)),
    }
}

/// How many columns an item has in the list of a screen that is so wide.
fn room_for_item(screen: u16, room: &Room, item: &Item, view: &View<'_>) -> usize {
    let side = if screen >= WIDE { MEMBERS_WIDTH + 1 } else { 0 };
    let mark = mark(room, item, view).width();
    usize::from(screen.saturating_sub(side)).saturating_sub(BEFORE_ITEM + mark)
}

/// What stands behind an item: that it was decided on, and how many cannot eat it.
fn mark(room: &Room, item: &Item, view: &View<'_>) -> String {
    let mut mark = match is_decided(&room.state, item.number) {
        true => format!("  <- {}", view.lang().decided),
        false => String::new(),
    };
    if !item.vetoes.is_empty() {
        mark += &format!("  ({})", (view.lang().vetoes)(item.vetoes.len()));
    }
    mark
}

fn paint_head(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, session: &Session, now: Millis) {
    let status = session.status();
    let mut state = view.lang().status(&status, now);
    let mut style = match (&status, session.store_is_up()) {
        (Status::Live, true) => Style::new(),
        (Status::Ended(_), _) => Style::new().fg(Color::Red),
        _ => Style::new().fg(Color::Yellow),
    };
    if let (Status::Live, Some(room)) = (&status, session.room()) {
        if session.is_watching() {
            state = view.lang().watching.to_owned();
        }
        let progress = view.lang().progress(room, now);
        let both = format!("{state}, {progress}");
        // Of what does not fit, that all is well is the least important.
        let title = view.lang().title(Some(room));
        let fits = both.width() + title.width() + 4 <= usize::from(area.width);
        state = if fits || session.is_watching() {
            both
        } else {
            progress
        };
        if room.left(now).as_secs() < SOON_OVER {
            style = Style::new().fg(Color::Red);
        }
    }
    let state = format!(" {state} ");
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(state.width() as u16),
    ];
    let [title, right] = Layout::horizontal(widths).areas(area);
    frame.render_widget(Block::new().reversed(), area);
    let house = session.room().map(|room| view.lang().house(room));
    let house = house.filter(|text| !text.is_empty());
    let house = house.map_or(String::new(), |text| format!(" ({text})"));
    let text = format!(" {}{house}", view.lang().title(session.room()));
    let text = cut(&text, usize::from(title.width));
    frame.render_widget(Line::from(text).bold().reversed(), title);
    let state = Line::from(state).alignment(Alignment::Right);
    frame.render_widget(state.style(style.reversed().bold()), right);
}

fn paint_menu(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, session: &Session, room: &Room) {
    if room.state.items.is_empty() {
        frame.render_widget(rows(view.lang().empty_menu, area).dim(), area);
        return;
    }
    let items = by_votes(&room.state);
    let most = items.first().map_or(0, |item| item.votes.len());
    let screen = frame.area().width;
    let rows = items.iter().map(|item| {
        let columns = room_for_item(screen, room, item, view);
        row(item, room, most, columns, mark(room, item, view))
    });
    // Until the connection is live this may be old: it is dimmed.
    let style = match session.status() {
        Status::Live => Style::new(),
        _ => Style::new().add_modifier(Modifier::DIM),
    };
    let list = List::new(rows.map(ListItem::new))
        .style(style)
        .highlight_symbol(">")
        .highlight_style(Modifier::REVERSED);
    let at = items
        .iter()
        .position(|item| Some(item.number) == view.chosen);
    let mut state = ListState::default().with_selected(at);
    frame.render_stateful_widget(list, area, &mut state);
}

/// Votes, whether one's own is among them, and the item.
fn row(item: &Item, room: &Room, most: usize, columns: usize, mark: String) -> Line<'static> {
    let votes = item.votes.len();
    let is_own = item.votes.iter().any(|by| room.is_you(*by));
    let own = if is_own { "[x]" } else { "[ ]" };
    let style = match votes {
        votes if votes > 0 && votes == most => Style::new().bold(),
        _ => Style::new(),
    };
    Line::from(vec![
        Span::raw(format!("{votes:>3} {own} ")),
        Span::styled(cut(&item.item, columns), style),
        Span::raw(mark).bold(),
    ])
}

fn colour(member: &Member) -> Style {
    let index = member.colour.and_then(|colour| PALETTE.get(colour.index()));
    index.map_or(Style::new(), |index| {
        Style::new().fg(Color::Indexed(*index))
    })
}

/// A member, as far as the width allows; what stands behind the name is always there.
fn member<'a>(view: &View<'_>, room: &Room, member: &'a Member) -> Line<'a> {
    let mark = if member.away { "- " } else { "* " };
    let style = colour(member);
    let behind = view.lang().behind(room, member);
    let most = usize::from(MEMBERS_WIDTH) - mark.width();
    let name = cut(
        &member.name,
        most.saturating_sub(behind.width()).clamp(8, 12),
    );
    let behind = cut(&behind, most.saturating_sub(columns(&name)));
    let line = Line::from(vec![
        Span::styled(mark, style),
        Span::styled(name, style),
        Span::raw(behind),
    ]);
    match member.away {
        true => line.dim(),
        false => line,
    }
}

fn paint_members(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, room: &Room) {
    let mut lines = vec![Line::from(view.lang().here(room)).dim()];
    lines.extend(room.members.iter().map(|m| member(view, room, m)));
    frame.render_widget(Paragraph::new(lines), area);
}

fn members_line(view: &View<'_>, room: &Room, most: u16) -> Line<'static> {
    let mut line = Line::from(format!(" {}:", view.lang().here(room)));
    let mut width = line.width();
    for (at, member) in room.members.iter().enumerate() {
        let away = if member.away { "-" } else { "" };
        let is_you = room.is_you(member.id);
        let you = if is_you { view.lang().behind_you } else { "" };
        let name = format!(" {away}{}", cut(&member.name, 12));
        // Leaves room for the dots, if the next members do not fit.
        let dots = if at + 1 < room.members.len() { 3 } else { 0 };
        width += columns(&name) + you.width();
        if width + dots > usize::from(most) {
            line.push_span(Span::raw(" .."));
            break;
        }
        line.push_span(Span::styled(name, colour(member)));
        line.push_span(Span::raw(you));
    }
    line
}

/// What is being decided, or was.
fn result_text(view: &View<'_>, session: &Session) -> Option<(String, Color)> {
    let menu = &session.room()?.state;
    if let Some(drawing) = &menu.settling.drawing {
        let (candidates, added) = (drawing.candidates.len(), drawing.contributions.len());
        let text = (view.lang().drawing_among)(candidates, added);
        return Some((text, Color::Yellow));
    }
    let decision = menu.settling.decision.as_ref()?;
    let verdict = verdict(session);
    let is_wrong = matches!(verdict, Some(Verdict::OtherSecret | Verdict::OtherWinner));
    let colour = if is_wrong { Color::Red } else { Color::Green };
    Some((view.lang().decision(decision, verdict), colour))
}

/// Why there is no connection, or else what was told last.
fn said_text(view: &View<'_>, session: &Session) -> String {
    let lang = view.lang();
    let refused = match view.refused.as_slice() {
        [] => None,
        [why] => Some(why.clone()),
        [why, others @ ..] => Some(format!("{why}, {}", (lang.and_more)(others.len()))),
    };
    let text = match (session.status(), refused) {
        (Status::Offline(reason, _) | Status::Ended(reason), None) => lang.reason(&reason),
        (Status::Offline(reason, _) | Status::Ended(reason), Some(refused)) => {
            format!("{}; {refused}", lang.reason(&reason))
        }
        (Status::Connecting | Status::Live, Some(refused)) if view.said.is_empty() => refused,
        (Status::Connecting | Status::Live, Some(refused)) => format!("{refused}; {}", view.said),
        (Status::Connecting | Status::Live, None) => view.said.clone(),
    };
    let is_over = matches!(session.status(), Status::Ended(_));
    let waiting = match session.pending().count() {
        0 => String::new(),
        _ if is_over => lang
            .unsent(session.pending(), &[])
            .map_or(String::new(), |text| format!("; {text}")),
        count => format!(" ({})", (lang.waiting)(count)),
    };
    text + &waiting
}

fn paint_prompt(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let [mark, field] =
        Layout::horizontal([Constraint::Length(PROMPT.len() as u16), Constraint::Fill(1)])
            .areas(area);
    frame.render_widget(Line::from(PROMPT).bold(), mark);
    let (text, column) = view.editor.visible(usize::from(field.width));
    if view.editor.is_empty() {
        frame.render_widget(Line::from(view.lang().placeholder).dim(), field);
    } else {
        frame.render_widget(Line::from(text), field);
    }
    frame.set_cursor_position(Position::new(field.x + column as u16, field.y));
}

/// Paints a list from this line on, or from the last one that leaves none of it out of sight:
/// which it was, and how many can be seen.
fn paint_list(
    frame: &mut Frame<'_>,
    lang: &Lang,
    rows: Vec<(String, String)>,
    from: u16,
) -> (u16, u16) {
    let width = rows.iter().map(|(key, _)| key.width()).max().unwrap_or(0);
    let indent = width + 3;
    let columns = frame.area().width.saturating_sub(indent as u16);
    let mut lines = Vec::new();
    for (key, text) in rows {
        let mut begin = format!(" {key}{}", " ".repeat(indent - 1 - key.width()));
        for text in text::rows(&text, columns) {
            lines.push(Line::from(vec![Span::raw(begin).bold(), Span::raw(text)]));
            begin = " ".repeat(indent);
        }
    }
    let areas = [Constraint::Fill(1), Constraint::Length(1)];
    let [text, keys] = Layout::vertical(areas).areas(frame.area());
    let most = (lines.len() as u16).saturating_sub(text.height);
    let from = from.min(most);
    frame.render_widget(Clear, frame.area());
    frame.render_widget(Paragraph::new(lines).scroll((from, 0)), text);
    let hint = match most {
        0 => lang.help_ends,
        _ => lang.help_goes_on,
    };
    let hint = format!(" {hint}");
    frame.render_widget(Line::from(hint).dim(), keys);
    (from, text.height)
}
