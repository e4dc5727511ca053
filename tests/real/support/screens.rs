//! What a person does on kvitto's screens, told once for all who need to get past them.

use super::{synapse::Account, terminal::Terminal};

/// Waits until the login screen stands there.
pub fn wait_for_login(terminal: &Terminal) {
    terminal
        .wait_for("the login screen", |screen| screen.alternate_screen() && screen.contents().contains("Homeserver"));
}

/// Waits for the login screen and fills in everything; Enter is left to the caller.
pub fn fill_in_login(terminal: &Terminal, homeserver: &str, account: &Account) {
    wait_for_login(terminal);
    terminal.type_text(homeserver);
    terminal.key("tab");
    terminal.type_text(&account.name);
    terminal.key("tab");
    terminal.type_text(&account.password);
}
