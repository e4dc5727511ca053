//! Commands where text is typed: in the composer, the command line, and all other fields.

use crate::app::command::{Command, Refusal};
use crate::{
    app::{App, Focus, composer::Edit, effect::Effect, screens::Act},
    input::Context,
    model::Timestamp,
};

pub const COMMANDS: &[Command] = &[
    Command::new("send", "Send what is typed, or save the edit", |app, _, now, out| {
        app.status = None;
        app.submit(now, out)
    })
    .keys(&[(Context::Composer, &["Enter"])]),
    // The first is what hints show: xterm as it comes keeps Alt-Enter for itself, and Shift-Enter
    // is Enter in most terminals.
    Command::new("newline", "Begin a new line", |app, _, now, out| edit(app, Edit::Newline, now, out))
        .keys(&[(Context::Composer, &["Ctrl-J", "Alt-Enter", "Shift-Enter"])]),
    Command::new("leave-composer", "Stop editing or replying; go to the timeline", |app, _, _, out| {
        if !app.stop_edit(out) {
            app.stop_reply(out);
        }
        app.focus = Focus::Timeline;
        Ok(())
    })
    .keys(&[(Context::Composer, &["Esc"])]),
    Command::new("run-command", "Run the command", |app, _, now, out| app.on_screen(Act::Choose, now, out))
        .keys(&[(Context::CommandLine, &["Enter"])]),
    Command::new("close-command-line", "Close the command line", |app, _, now, out| {
        app.on_screen(Act::Close, now, out)
    })
    .keys(&[(Context::CommandLine, &["Esc"])]),
    Command::new("complete", "Complete the command's name", |app, _, now, out| {
        app.complete_command(now, out);
        Ok(())
    })
    .keys(&[(Context::CommandName, &["Tab"])]),
    Command::new("cursor-left", "Left by a character", |app, _, now, out| edit(app, Edit::Left, now, out))
        .keys(&[(Context::Edit, &["Left", "Ctrl-B"])]),
    Command::new("cursor-right", "Right by a character", |app, _, now, out| edit(app, Edit::Right, now, out))
        .keys(&[(Context::Edit, &["Right", "Ctrl-F"])]),
    Command::new("word-left", "Left by a word", |app, _, now, out| edit(app, Edit::WordLeft, now, out))
        .keys(&[(Context::Edit, &["Ctrl-Left", "Alt-Left", "Alt-B"])]),
    Command::new("word-right", "Right by a word", |app, _, now, out| edit(app, Edit::WordRight, now, out))
        .keys(&[(Context::Edit, &["Ctrl-Right", "Alt-Right", "Alt-F"])]),
    Command::new("line-start", "To the line's start", |app, _, now, out| edit(app, Edit::LineStart, now, out))
        .keys(&[(Context::Edit, &["Home", "Ctrl-A"])]),
    Command::new("line-end", "To the line's end", |app, _, now, out| edit(app, Edit::LineEnd, now, out))
        .keys(&[(Context::Edit, &["End", "Ctrl-E"])]),
    Command::new("cursor-up", "Up by a line", |app, _, now, out| edit(app, Edit::Up, now, out))
        .keys(&[(Context::Composer, &["Up"])]),
    Command::new("cursor-down", "Down by a line", |app, _, now, out| edit(app, Edit::Down, now, out))
        .keys(&[(Context::Composer, &["Down"])]),
    Command::new("delete-back", "Delete the character before the cursor", |app, _, now, out| {
        edit(app, Edit::DeleteBack, now, out)
    })
    .keys(&[(Context::Edit, &["Backspace", "Shift-Backspace", "Ctrl-H"])]),
    Command::new("delete-forward", "Delete the character at the cursor", |app, _, now, out| {
        edit(app, Edit::DeleteForward, now, out)
    })
    .keys(&[(Context::Edit, &["Delete", "Ctrl-D"])]),
    Command::new("delete-word", "Delete the word before the cursor", |app, _, now, out| {
        edit(app, Edit::DeleteWord, now, out)
    })
    .keys(&[(Context::Edit, &["Ctrl-W", "Alt-Backspace", "Ctrl-Backspace"])]),
    Command::new("delete-to-line-start", "Delete to the line's start", |app, _, now, out| {
        edit(app, Edit::DeleteToLineStart, now, out)
    })
    .keys(&[(Context::Edit, &["Ctrl-U"])]),
    Command::new("delete-to-line-end", "Delete to the line's end", |app, _, now, out| {
        edit(app, Edit::DeleteToLineEnd, now, out)
    })
    .keys(&[(Context::Edit, &["Ctrl-K"])]),
];

#[allow(clippy::unnecessary_wraps, reason = "what a row does may be refused")]
fn edit(app: &mut App, edit: Edit, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
    app.edit(edit, now, out);
    Ok(())
}
