//! A question before something that cannot be undone, or that tells others something for good.

use super::{Act, Behaviour, Flow, Hint, Scope, Screen};
use crate::{
    app::{
        App,
        command::{Command, Refusal},
        effect::Effect,
        login::LoginState,
    },
    client::request::SessionRequest,
    input::Context,
    model::{SafeText, Timestamp},
};

pub(super) const COMMANDS: &[Command] = &[];

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The question.
    pub text: SafeText,
    /// What is done if the answer is yes.
    pub on_yes: Effect,
    /// What is opened then.
    then: Option<Box<Screen>>,
}

impl Question {
    /// Asks before this is done.
    pub(in crate::app) fn new(text: &str, on_yes: Effect) -> Self {
        Self { text: SafeText::block(text), on_yes, then: None }
    }

    /// With this to be opened when it is done.
    pub(in crate::app) fn then(self, screen: impl Into<Screen>) -> Self {
        Self { then: Some(Box::new(screen.into())), ..self }
    }
}

impl Behaviour for Question {
    fn scope(&self) -> Scope {
        Scope::Account
    }

    fn contexts(&self, _app: &App) -> &'static [Context] {
        &[Context::Confirm, Context::Global]
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![("yes", "yes"), ("no", "no")]
    }

    fn act(&mut self, act: Act, app: &mut App, _now: Timestamp, out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        let about_login = self.on_yes == Effect::from(SessionRequest::ReplaceAccount);
        match act {
            Act::Choose => {
                if about_login {
                    app.on_login(|login| login.state = LoginState::LoggingIn);
                }
                out.push(self.on_yes.clone());
                if let Some(screen) = self.then.take() {
                    app.screens.push(*screen);
                }
                Ok(Flow::Close)
            }
            Act::Close => {
                if about_login {
                    out.push(Effect::from(SessionRequest::CancelLogin));
                }
                Ok(Flow::Close)
            }
            Act::Up | Act::Down | Act::PageUp | Act::PageDown | Act::Previous | Act::Next => Ok(Flow::Stay),
        }
    }
}
