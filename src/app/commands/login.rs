//! Commands on the login screen.

use crate::app::command::{Command, Refusal};
use crate::{
    app::{App, effect::Effect, login::Login},
    input::Context,
};

pub const COMMANDS: &[Command] = &[
    Command::new("field-next", "Go to the next field", |app, _, _, out| {
        on_login(app, |login, out| login.leave_field(1, out), out)
    })
    .keys(&[(Context::Login, &["Tab", "Down"])]),
    Command::new("field-previous", "Go to the previous field", |app, _, _, out| {
        on_login(app, |login, out| login.leave_field(-1, out), out)
    })
    .keys(&[(Context::Login, &["Shift-Tab", "Up"])]),
    Command::new("login-submit", "Go on", |app, _, _, out| on_login(app, Login::submit, out))
        .keys(&[(Context::Login, &["Enter"])]),
    Command::new("login-cancel", "Stop logging in", |app, _, _, out| on_login(app, Login::cancel, out))
        .keys(&[(Context::Login, &["Esc"])]),
    Command::new("login-copy", "Copy the address of the login page", |app, _, _, out| {
        on_login(app, |login, out| login.copy_address(out), out)
    })
    .keys(&[(Context::Login, &["Ctrl-Y"])]),
    Command::new("try-demo", "Try the demo, without an account", |_, _, _, out| {
        out.push(Effect::TryDemo);
        Ok(())
    })
    .keys(&[(Context::Login, &["F2"])]),
];

#[allow(clippy::unnecessary_wraps, reason = "what a row does may be refused")]
fn on_login(
    app: &mut App,
    act: impl FnOnce(&mut Login, &mut Vec<Effect>),
    out: &mut Vec<Effect>,
) -> Result<(), Refusal> {
    app.on_login(|login| act(login, out));
    Ok(())
}
