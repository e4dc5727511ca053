//! The login screen against a real homeserver: what goes wrong is said there, and what was typed
//! stays.

use crate::support::{
    proxy::{Proxy, SlidingSync},
    screens,
    server::Account,
    synapse,
    terminal::Terminal,
};

#[test]
fn a_wrong_password_is_said_and_what_was_typed_is_still_there() {
    let (synapse, terminal) = (synapse::shared(), Terminal::start(&[], 80, 24));
    let mistaken = Account { password: "not it".into(), ..synapse.register("alice") };
    screens::fill_in_login(&terminal, &synapse.base_url, &mistaken);
    terminal.key("enter");
    terminal.wait_for_text("Wrong user name or password.");
    let screen = terminal.screen_text();
    assert!(screen.contains(&synapse.base_url) && screen.contains(&mistaken.name), "{screen}");
    assert!(!screen.contains(&mistaken.password), "the password is to be drawn as dots:\n{screen}");
}

#[test]
fn a_network_that_is_gone_is_said_and_the_same_form_works_when_it_is_back() {
    let (synapse, terminal) = (synapse::shared(), Terminal::start(&[], 80, 24));
    let (alice, proxy) = (synapse.register("alice"), Proxy::start(&synapse.base_url, SlidingSync::Kept));
    screens::fill_in_login(&terminal, &proxy.base_url, &alice);
    terminal.wait_for_text("found http");
    proxy.cut();
    terminal.key("enter");
    terminal.wait_for_text("Cannot reach");
    proxy.heal();
    terminal.key("enter");
    terminal.wait_for("the rooms", |screen| !screen.contents().contains("Homeserver"));
    assert!(proxy.requests().iter().any(|request| request.ends_with("/login")), "{:?}", proxy.requests());
}
