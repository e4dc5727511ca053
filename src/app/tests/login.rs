//! The login screen, and what becomes of the rest when a session ends and begins.
use crate::{
    app::{
        Phase,
        effect::Effect,
        event::Event,
        login::{LoginField, LoginState},
        testing::{Told, account, live, room_id},
    },
    client::{
        reply::Reply,
        request::{SessionRequest, TimelineRequest},
        update::Update,
    },
    model::{LoginMethod, SafeText, Secret},
};

fn logged_out() -> Told {
    let mut told = Told::starting();
    told.event(Update::LoggedOut(None));
    told
}

fn methods(methods: &[LoginMethod]) -> Update {
    Update::replied(Reply::LoginMethods { homeserver: SafeText::line("https://x"), methods: methods.to_vec() })
}

fn login(homeserver: &str, user: &str, password: &str) -> Effect {
    let (homeserver, user) = (homeserver.to_owned(), user.to_owned());
    Effect::from(SessionRequest::Login { homeserver, user, password: Secret(password.to_owned()) })
}

#[test]
fn a_homeserver_is_looked_up_and_then_the_password_is_asked_for() {
    let mut told = logged_out();
    told.types("example.org");
    assert_eq!(told.keys("Enter"), [Effect::from(SessionRequest::FindHomeserver("example.org".to_owned()))]);
    assert_eq!(told.login().state, LoginState::Finding);
    told.event(methods(&[LoginMethod::Password, LoginMethod::Sso]));
    assert_eq!(told.login().focus, LoginField::User);
    told.types("ada");
    assert_eq!(told.keys("Enter"), []);
    assert_eq!(told.login().focus, LoginField::Password);
    told.types("secret");
    assert_eq!(told.keys("Enter"), [login("example.org", "ada", "secret")]);
    assert_eq!(told.login().state, LoginState::LoggingIn);
    told.event(Update::LoggedIn(account("@ada:example.org")));
    assert_eq!(told.app.phase, Phase::Main);
}

#[test]
fn leaving_the_homeservers_field_looks_it_up_too() {
    let mut told = logged_out();
    assert_eq!(told.keys("Tab Shift-Tab"), [], "nothing is typed");
    told.types("example.org");
    assert_eq!(told.keys("Tab"), [Effect::from(SessionRequest::FindHomeserver("example.org".to_owned()))]);
    told.types("ada");
    assert_eq!(told.keys("Shift-Tab Tab"), [], "it is being looked up");
    told.event(methods(&[LoginMethod::Password]));
    assert_eq!((told.login().focus, told.login().user.text()), (LoginField::User, "ada"));
    told.event(methods(&[LoginMethod::Sso]));
    assert_eq!(told.login().focus, LoginField::Browser(LoginMethod::Sso), "there is no field for the user");
}

#[test]
fn a_filled_form_logs_in_at_once() {
    let mut told = logged_out();
    told.types("x");
    told.keys("Tab");
    told.types("ada");
    told.keys("Tab");
    told.types("pw");
    assert_eq!(told.keys("Enter"), [login("x", "ada", "pw")]);
}

#[test]
fn a_full_user_id_names_the_homeserver() {
    let mut told = logged_out();
    told.keys("Tab");
    told.types("@ada:example.org");
    told.keys("Tab");
    told.types("pw");
    assert_eq!(told.keys("Enter"), [login("example.org", "@ada:example.org", "pw")]);
}

#[test]
fn without_a_homeserver_a_sentence_asks_for_it() {
    let mut told = logged_out();
    told.keys("Tab");
    told.types("ada");
    assert_eq!(told.keys("Enter"), []);
    assert!(told.login().error.as_ref().unwrap().contains("homeserver"));
    assert_eq!(told.login().focus, LoginField::Homeserver);
}

#[test]
fn typing_goes_on_while_the_homeserver_is_looked_up() {
    let mut told = logged_out();
    told.types("x");
    told.keys("Enter Tab");
    told.types("ada");
    told.event(methods(&[LoginMethod::Password]));
    assert_eq!((told.login().user.text(), told.login().focus), ("ada", LoginField::User));
}

#[test]
fn another_homeserver_forgets_what_was_found() {
    let mut told = logged_out();
    told.types("x");
    told.keys("Enter");
    assert_eq!(told.types("y"), [Effect::from(SessionRequest::CancelLogin)]);
    told.keys("Enter");
    told.event(methods(&[LoginMethod::OAuth]));
    assert_eq!(told.login().fields(), [LoginField::Homeserver, LoginField::Browser(LoginMethod::OAuth)]);
    told.keys("Tab Backspace");
    assert_eq!(told.login().found, None);
}

#[test]
fn the_browser_is_opened_and_can_be_given_up() {
    let mut told = logged_out();
    told.types("x");
    told.keys("Enter");
    told.event(methods(&[LoginMethod::OAuth]));
    assert_eq!(
        told.keys("Enter"),
        [Effect::from(SessionRequest::BrowserLogin { homeserver: "x".to_owned(), method: LoginMethod::OAuth })]
    );
    let url = SafeText::line("https://x/auth");
    assert_eq!(told.event(Update::BrowserWaiting { url: url.clone() }), [Effect::OpenUrl(url.to_string())]);
    assert_eq!(told.login().state, LoginState::Browser { url: Some(url.clone()) });
    assert_eq!(told.keys("Ctrl-Y"), [Effect::Copy(url.to_string())]);
    assert_eq!(told.keys("Esc"), [Effect::from(SessionRequest::CancelLogin)]);
    assert_eq!(told.keys("Ctrl-Y"), []);
    assert_eq!(told.login().state, LoginState::Idle);
    assert_eq!(told.event(Update::BrowserWaiting { url }), [], "it was cancelled meanwhile");
}

#[test]
fn what_was_typed_stays_when_logging_in_fails() {
    let mut told = logged_out();
    told.types("x");
    told.keys("Tab");
    told.types("ada");
    told.keys("Tab");
    told.types("wrong");
    told.keys("Enter");
    told.event(Update::refused(SessionRequest::ReplaceAccount, &SafeText::line("The password is wrong.")));
    let login = told.login();
    assert_eq!((login.homeserver.text(), login.user.text(), login.password.text()), ("x", "ada", "wrong"));
    assert_eq!(login.error.as_deref(), Some("The password is wrong."));
    assert_eq!(login.state, LoginState::Idle);
}

#[test]
fn a_homeserver_that_is_not_found_is_said_unless_a_login_has_begun() {
    let not_found =
        || Update::refused(SessionRequest::FindHomeserver(String::new()), &SafeText::line("Cannot reach it."));
    let mut told = logged_out();
    told.types("x");
    told.keys("Tab");
    assert_eq!(told.login().state, LoginState::Finding);
    told.event(not_found());
    assert_eq!((&told.login().state, told.login().error.as_deref()), (&LoginState::Idle, Some("Cannot reach it.")));
    told.types("ada");
    told.keys("Tab");
    told.types("secret");
    told.keys("Enter");
    let state = told.login().state.clone();
    told.event(not_found());
    assert_eq!(
        (&told.login().state, told.login().error.as_deref()),
        (&state, None),
        "it is about what was asked before"
    );
}

#[test]
fn a_pasted_password_loses_its_line_break_and_nothing_else() {
    let mut told = logged_out();
    told.keys("Tab Tab");
    told.event(Event::Paste(" pass word\r\n".to_owned()));
    assert_eq!(told.login().password.text(), " pass word");
}

#[test]
fn a_password_is_never_shown_by_debug() {
    let mut told = logged_out();
    told.keys("Tab Tab");
    told.types("hunter2");
    assert!(!format!("{:?}", told.app).contains("hunter2"));
}

#[test]
fn a_session_that_the_server_ended_keeps_room_and_draft() {
    let mut told = Told::in_room(Vec::new());
    told.types("half a thou");
    told.event(Update::LoggedOut(Some(SafeText::line("The server ended the session."))));
    let login = told.login();
    assert_eq!((login.homeserver.text(), login.user.text()), ("x", "@me:x"));
    assert_eq!(login.error.as_deref(), Some("The server ended the session."));
    let effects = told.event(Update::LoggedIn(account("@me:x")));
    let draft = Effect::from(TimelineRequest::SaveDraft { timeline_id: live("one"), draft: "half a thou".into() });
    assert_eq!(effects, [draft, Effect::from(TimelineRequest::Open(live("one")))]);
    assert_eq!(told.typed(), "half a thou");
}

#[test]
fn somebody_else_finds_nothing_of_the_account_before() {
    let mut told = Told::in_room(Vec::new());
    told.types("secret plan");
    told.event(Update::LoggedOut(Some(SafeText::line("The server ended the session."))));
    assert_eq!(told.event(Update::LoggedIn(account("@eve:x"))), []);
    assert!(told.app.timelines.shown().is_none() && told.app.rooms.all().is_empty());
    told.event(Update::go_to(room_id("one")));
    assert_eq!(told.typed(), "");
}

#[test]
fn the_form_is_filled_in_at_every_start_after_the_end() {
    let mut told = Told::starting();
    let why = SafeText::line("The homeserver has ended this session.");
    told.event(Update::SessionEnded { account: account("@me:x"), why: why.clone() });
    let form = told.login();
    assert_eq!((form.homeserver.text(), form.user.text()), ("x", "@me:x"));
    assert_eq!(form.error, Some(why));
    told.types("secret");
    assert_eq!(told.keys("Enter"), [login("x", "@me:x", "secret")], "only the password is missing");
    // The homeserver was wrong.
    told.event(Update::LoggedIn(account("@me:x")));
    assert_eq!(told.app.phase, Phase::Main);
}

#[test]
fn somebody_elses_login_is_asked_about_before_it_replaces_anything() {
    for (key, effect, state) in [
        ("y", Effect::from(SessionRequest::ReplaceAccount), LoginState::LoggingIn),
        ("n", Effect::from(SessionRequest::CancelLogin), LoginState::Idle),
    ] {
        let mut told = Told::in_room(Vec::new());
        told.types("half a thou");
        let why = SafeText::line("The homeserver has ended this session.");
        told.event(Update::SessionEnded { account: account("@me:x"), why });
        told.app.on_login(|login| login.state = LoginState::LoggingIn);
        told.event(Update::replied(Reply::LoginReplaces(SafeText::line("Everything of @me:x goes. Go on?"))));
        assert_eq!(told.login().state, LoginState::Idle);
        assert_eq!(told.keys(key), [effect]);
        assert_eq!((&told.login().state, told.app.screens.is_empty()), (&state, true));
        told.event(Update::LoggedIn(account("@me:x")));
        assert_eq!(told.typed(), "half a thou", "the drafts of who is still there");
    }
}

#[test]
fn logging_out_oneself_forgets_everything() {
    let mut told = Told::in_room(Vec::new());
    told.types("secret plan");
    told.event(Update::LoggedOut(None));
    assert!(told.login().homeserver.is_empty());
    told.event(Update::LoggedIn(account("@me:x")));
    told.event(Update::go_to(room_id("one")));
    assert_eq!(told.typed(), "");
}

#[test]
fn what_is_typed_into_the_login_goes_nowhere_else() {
    let mut told = Told::with_rooms();
    told.keys("/");
    told.types("tea");
    told.event(Update::SessionEnded { account: account("@me:x"), why: SafeText::line("It has ended.") });
    told.types("secret");
    assert_eq!(told.login().password.text(), "secret");
}
