//! `:undelivered`: own messages of all rooms that not every device has, the latest first.
//!
//! ```text
//! ▌3 min     Lake weekend                            ●○ ×
//! ▌          See you at eight.       not on: Ada's laptop, Bob
//! ```

use ratatui::{
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use crate::{
    app::{App, eligibility, layout::ScreenFacts, screens},
    model::{Delivery, DeviceDelivery, DeviceState, PersonDelivery, Timestamp, Undelivered},
    view::{
        canvas::Canvas,
        paint,
        popup::{self, Sheet},
        theme::{Role, Theme},
        ticks, words, wrap,
    },
};

const TITLE: &str = "Not delivered everywhere";
/// The rows of one message.
const ROWS: usize = 2;
/// The columns of a message's age, with the space after it.
const AGE: u16 = 10;

/// Draws it.
pub fn draw(
    app: &App,
    screen: &screens::Undelivered,
    theme: Theme,
    canvas: &mut Canvas<'_, '_>,
    area: Rect,
) -> ScreenFacts {
    let (found, selected, at) = (screen.rows.as_deref(), screen.selected, screen.at);
    let columns = popup::columns(area, popup::WIDE);
    let sentence = match found {
        None => Some("Looking it up…"),
        Some([]) => Some("Everything you sent was delivered everywhere, as far as is known."),
        Some(_) => None,
    };
    if let Some(sentence) = sentence {
        let rows = popup::wrapped(sentence, columns, Role::Text, theme);
        return popup::draw_text(TITLE, popup::WIDE, &rows, 0, theme, canvas, area);
    }
    let found = found.unwrap_or_default();
    let item = |index: usize, _| item(app, &found[index], index == selected, at, columns, theme);
    let page = popup::height(area) / ROWS;
    let sheet = Sheet {
        title: TITLE,
        widest: popup::WIDE,
        items: found.len(),
        item: &item,
        head: &[],
        cursor: None,
        foot: &[],
    };
    sheet.draw(selected.saturating_sub(page / 2), theme, canvas, area)
}

fn item(app: &App, row: &Undelivered, selected: bool, at: Timestamp, columns: u16, theme: Theme) -> Vec<Line<'static>> {
    let symbols = theme.symbols();
    let dim = theme.role(Role::Dim);
    let bar = || Span::styled(if selected { symbols.bar } else { " " }, theme.role(Role::Accent));
    let age = words::age(at - row.delivery.sent);
    let room = app.rooms.called(&row.room_id, &row.room_name);
    let heading =
        if selected { theme.role(Role::Heading).add_modifier(Modifier::REVERSED) } else { theme.role(Role::Heading) };
    let first = paint::both(
        vec![bar(), Span::styled(format!("{age:<0$}", usize::from(AGE)), dim), Span::styled(room, heading)],
        ticks::mark(&eligibility::mark(&row.delivery), theme),
        columns,
        theme,
    );
    let text = if row.text.is_empty() { "(what it says is not known here)" } else { &row.text };
    let missing = missing(&row.delivery);
    let missing = wrap::cut(&missing, (columns - AGE.min(columns)) / 2, symbols.ellipsis);
    let second = paint::both(
        vec![bar(), Span::raw(" ".repeat(usize::from(AGE))), Span::raw(text.to_owned())],
        vec![Span::styled(missing, dim)],
        columns,
        theme,
    );
    vec![first, second]
}

/// Whose devices lack it: a person, and in brackets the devices where others of theirs have it.
fn missing(delivery: &Delivery) -> String {
    let lacks = |device: &&DeviceDelivery| device.expected && !matches!(device.state, DeviceState::Delivered { .. });
    let person = |person: &PersonDelivery| {
        let lacking: Vec<_> = person.devices.iter().filter(lacks).collect();
        let who = if person.name.is_empty() { person.user_id.to_string() } else { person.name.to_string() };
        let others = person.devices.iter().any(|device| device.expected && !lacks(&device));
        let names: Vec<String> = lacking.iter().map(|device| device_name(device)).collect();
        (!lacking.is_empty()).then(|| if others { format!("{who} ({})", words::names(&names)) } else { who })
    };
    // Where there is a tally, the few people who are listed are a sample.
    let people = delivery.people.iter().filter(|_| delivery.tally.is_none());
    let people: Vec<String> = people.filter_map(person).collect();
    if people.is_empty() { String::new() } else { format!("not on: {}", words::names(&people)) }
}

fn device_name(device: &DeviceDelivery) -> String {
    match (&device.device_id, device.name.is_empty()) {
        (_, false) => device.name.to_string(),
        (Some(id), true) => id.to_string(),
        (None, true) => "some device".to_owned(),
    }
}
