//! The login screen, and the moment before it is known whether it is needed.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    canvas::Canvas,
    editor, hints, paint,
    theme::{Role, Theme},
    wrap::{self, Rows},
};
use crate::{
    app::{
        App,
        layout::Target,
        login::{Login, LoginField, LoginState},
    },
    model::LoginMethod,
};

const WELCOME: &str = "kvitto is a Matrix client that shows, device by device, who received and decrypted your \
                       message. Log in with your account on any homeserver.";
/// Says what the demo is, where it is prepared.
const DEMO: &str = "The demo: a homeserver, and people to talk to";
/// Columns of the form.
const WIDTH: u16 = 64;
/// Columns of the fields' names.
const NAMES: u16 = 12;

/// Nothing is known yet, or the demo is being prepared.
pub fn draw_starting(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let busy = |what: &str| Line::styled(format!("{what}{}", theme.symbols().busy), theme.role(Role::Dim));
    let title = Line::styled("kvitto", theme.role(Role::Accent));
    let lines = match &app.demo {
        None => vec![title, busy("Opening")],
        Some(demo) => vec![title, Line::styled(DEMO, theme.role(Role::Text)), Line::default(), busy(&demo.doing)],
    };
    let lines: Vec<_> = lines.into_iter().map(|line| paint::cut(line.spans, area.width, theme)).collect();
    paint::centred(canvas, area, &lines);
}

/// The form, with the cursor in its field.
pub fn draw(app: &App, login: &Login, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let width = WIDTH.min(area.width.saturating_sub(2));
    let mut form = Form { theme, width, rows: Vec::new(), fields: Vec::new(), cursor: None };
    form.rows.push(Line::styled("kvitto", theme.role(Role::Accent)));
    form.gap();
    form.sentence(WELCOME, Role::Text);
    form.gap();
    for field in login.fields() {
        form.fields.push((form.rows.len(), field));
        form.field(login, field);
    }
    form.gap();
    if let Some(error) = &login.error {
        form.sentence(error, Role::Error);
    }
    form.state(app, login);

    // When the screen is too low the first rows go: what is typed and what went wrong is more
    // important.
    let height = usize::from(area.height);
    let hidden = form.rows.len().saturating_sub(height);
    let top = height.saturating_sub(form.rows.len()) / 3;
    let x = area.x + (area.width - width) / 2;
    let area = Rect { x, width, ..area };
    for (at, row) in form.rows.iter().skip(hidden).enumerate() {
        paint::row(canvas, area, top + at, row);
    }
    for (row, field) in form.fields {
        if let Some(row) = row.checked_sub(hidden) {
            canvas.hit_row(area, top + row, Target::LoginField(field));
        }
    }
    let cursor = form.cursor.and_then(|(column, row)| Some((column, row.checked_sub(hidden)? + top)));
    if let Some((column, row)) =
        cursor.filter(|_| app.screens.is_empty() && matches!(login.state, LoginState::Idle | LoginState::Finding))
        && let Ok(row) = u16::try_from(row)
    {
        canvas.set_cursor_position((area.x + column, area.y + row));
    }
}

/// The rows of the form as they grow.
struct Form<'a> {
    theme: Theme,
    width: u16,
    rows: Vec<Line<'a>>,
    /// In which rows there are fields.
    fields: Vec<(usize, LoginField)>,
    cursor: Option<(u16, usize)>,
}

impl Form<'_> {
    fn gap(&mut self) {
        self.rows.push(Line::default());
    }

    fn sentence(&mut self, text: &str, role: Role) {
        let style = self.theme.role(role);
        self.rows.extend(Rows::plain(text, self.width).map(|row| Line::styled(row.text(), style)));
    }

    fn field(&mut self, login: &Login, field: LoginField) {
        let focused = login.focus == field;
        let theme = self.theme;
        let bar = Span::styled(if focused { theme.symbols().bar } else { " " }, theme.role(Role::Accent));
        let name_role = theme.role(if focused { Role::Heading } else { Role::Dim });
        if let LoginField::Browser(method) = field {
            let text = match method {
                LoginMethod::OAuth => "Log in with the browser",
                LoginMethod::Sso => "Log in with single sign-on in the browser",
                LoginMethod::Password => "Log in with a password",
            };
            let button = theme.role(if focused { Role::Selected } else { Role::Text });
            self.rows.push(Line::from(vec![bar, Span::raw(" "), Span::styled(format!("[ {text} ]"), button)]));
            return;
        }
        let (name, editor, hint) = match field {
            LoginField::Homeserver => ("Homeserver", &login.homeserver, "example.org or https://matrix.example.org"),
            LoginField::User => ("User", &login.user, "ada or @ada:example.org"),
            LoginField::Password | LoginField::Browser(_) => ("Password", &login.password, ""),
        };
        let columns = self.width.saturating_sub(NAMES + 2);
        let (before, after) = editor::sides(editor);
        let typed = if field == LoginField::Password {
            let dots = |text: &str| theme.symbols().secret.repeat(text.chars().count());
            editor::field(&dots(before), &dots(after), columns)
        } else {
            editor::field(before, after, columns)
        };
        if focused {
            self.cursor = Some((2 + NAMES + typed.cursor.0, self.rows.len()));
        }
        let text = if editor.is_empty() {
            Span::styled(wrap::cut(hint, columns, theme.symbols().ellipsis), theme.role(Role::Dim))
        } else {
            Span::raw(typed.rows.concat())
        };
        let name = format!("{name:<width$}", width = usize::from(NAMES));
        self.rows.push(Line::from(vec![bar, Span::raw(" "), Span::styled(name, name_role), text]));
        if let (LoginField::Homeserver, Some(found)) = (field, &login.found) {
            let text = format!("{}found {}", " ".repeat(usize::from(NAMES) + 2), found.homeserver);
            self.rows
                .push(Line::styled(wrap::cut(&text, self.width, theme.symbols().ellipsis), theme.role(Role::Good)));
        }
    }

    fn state(&mut self, app: &App, login: &Login) {
        let busy = self.theme.symbols().busy;
        match &login.state {
            LoginState::Idle => {
                if let Some(key) = hints::key(app, "try-demo") {
                    let demo = format!(
                        "No account? {key} tries kvitto with people inside this program; quitting that ends it."
                    );
                    self.sentence(&demo, Role::Dim);
                }
            }
            LoginState::Finding => self.sentence(&format!("Looking for the homeserver{busy}"), Role::Dim),
            LoginState::LoggingIn => self.sentence(&format!("Logging in{busy}"), Role::Dim),
            LoginState::Browser { url: None } => {
                self.sentence(&format!("Asking for the address to open{busy}"), Role::Dim);
            }
            LoginState::Browser { url: Some(url) } => {
                self.sentence(
                    "Go on in the browser. If none has opened, open this in one on this machine:",
                    Role::Text,
                );
                self.gap();
                // Nothing stands beside it, so that it can be copied with the mouse.
                self.sentence(url, Role::Accent);
                self.gap();
                let stop = hints::key(app, "login-cancel").map(|key| format!(" {key} stops.")).unwrap_or_default();
                self.sentence(&format!("Waiting{busy}{stop}"), Role::Dim);
            }
        }
    }
}
