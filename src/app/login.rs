//! The login screen.
//!
//! Three fields, and a button for each way that leads through the browser. A homeserver is looked up when it is
//! entered; what it offers decides which fields stay. Somebody who knows what they want fills in all three and presses
//! Enter once. What was typed stays there whatever goes wrong.

use super::{composer::Composer, event::LoginMethod};
use crate::model::SafeText;

/// Something on the login screen that can have the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginField {
    /// The homeserver: a server name or a URL.
    #[default]
    Homeserver,
    /// The user: a localpart or a full user id.
    User,
    /// The password.
    Password,
    /// The button that goes on in the browser.
    Browser(LoginMethod),
}

/// A homeserver that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The homeserver, to show.
    pub homeserver: SafeText,
    /// What it offers, best first.
    pub methods: Vec<LoginMethod>,
}

/// What is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoginState {
    /// Nothing.
    #[default]
    Idle,
    /// The homeserver is looked up.
    Finding,
    /// The password was sent.
    LoggingIn,
    /// The browser is to be used.
    Browser {
        /// The address to open, once it is known.
        url: Option<SafeText>,
    },
}

/// The login screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The homeserver, as typed.
    pub homeserver: Composer,
    /// The user, as typed.
    pub user: Composer,
    /// The password; to be drawn as dots.
    pub password: Composer,
    /// What has the focus.
    pub focus: LoginField,
    /// What was found for the homeserver as typed.
    pub found: Option<Found>,
    /// What is under way.
    pub state: LoginState,
    /// What went wrong.
    pub error: Option<SafeText>,
}

impl Login {
    /// What can have the focus, from top to bottom.
    pub fn fields(&self) -> Vec<LoginField> {
        let methods = self.found.as_ref().map_or(&[LoginMethod::Password][..], |found| &found.methods);
        let of_method = |method: &LoginMethod| match method {
            LoginMethod::Password => vec![LoginField::User, LoginField::Password],
            LoginMethod::Sso | LoginMethod::OAuth => vec![LoginField::Browser(*method)],
        };
        std::iter::once(LoginField::Homeserver).chain(methods.iter().flat_map(of_method)).collect()
    }
}
