//! The login screen.
//!
//! Three fields, and a button for each way that leads through the browser. A homeserver is looked
//! up when it is entered; what it offers decides which fields stay. Somebody who knows what they
//! want fills in all three and presses Enter once. What was typed stays there whatever goes wrong.
use super::{
    composer::{Composer, Edit},
    effect::Effect,
};
use crate::{
    client::request::SessionRequest,
    model::{Account, LoginMethod, SafeText, Secret},
};

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

    /// The screen after a session ended, with all but the password filled in.
    pub(super) fn again(account: Option<&Account>, error: SafeText) -> Self {
        let (homeserver, user) =
            account.map(|account| (&*account.homeserver, account.user_id.as_str())).unwrap_or_default();
        Self {
            homeserver: Composer::with(homeserver),
            user: Composer::with(user),
            focus: if account.is_some() { LoginField::Password } else { LoginField::default() },
            error: Some(error),
            ..Self::default()
        }
    }

    /// Copies the address of the login page, while one is open in the browser.
    pub(super) fn copy_address(&self, out: &mut Vec<Effect>) {
        if let LoginState::Browser { url: Some(url) } = &self.state {
            out.push(Effect::Copy(url.to_string()));
        }
    }

    /// An editing key in the field that has the focus.
    pub(super) fn edit(&mut self, edit: Edit, out: &mut Vec<Effect>) {
        self.in_field(out, |field| field.edit(edit));
    }

    /// Puts typed or pasted text into the field that has the focus.
    pub(super) fn insert(&mut self, text: &str, out: &mut Vec<Effect>) {
        self.in_field(out, |field| field.insert_line(text));
    }

    /// The homeserver was found.
    pub(super) fn on_found(&mut self, found: Found) {
        if self.state == LoginState::Finding {
            self.state = LoginState::Idle;
        }
        self.found = Some(found);
        let fields = self.fields();
        if self.focus == LoginField::Homeserver || !fields.contains(&self.focus) {
            let next = fields.iter().skip(1).find(|field| self.field(**field).is_none_or(Composer::is_empty));
            self.focus = next.copied().unwrap_or_default();
        }
    }

    /// The homeserver was not found. That is of no interest any more once a login is under way,
    /// which finds it itself.
    pub(super) fn on_not_found(&mut self, why: SafeText) {
        if self.state == LoginState::Finding {
            self.failed(why);
        }
    }

    /// Something went wrong; what was typed stays.
    pub(super) fn failed(&mut self, why: SafeText) {
        self.state = LoginState::Idle;
        self.error = Some(why);
    }

    /// What is typed into a field; a button has no text.
    fn field(&self, field: LoginField) -> Option<&Composer> {
        match field {
            LoginField::Homeserver => Some(&self.homeserver),
            LoginField::User => Some(&self.user),
            LoginField::Password => Some(&self.password),
            LoginField::Browser(_) => None,
        }
    }

    /// Edits the field that has the focus, if it may be edited now.
    fn in_field(&mut self, out: &mut Vec<Effect>, edit: impl FnOnce(&mut Composer)) {
        if !matches!(self.state, LoginState::Idle | LoginState::Finding) {
            return;
        }
        let field = match self.focus {
            LoginField::Homeserver => &mut self.homeserver,
            LoginField::User => &mut self.user,
            LoginField::Password => &mut self.password,
            LoginField::Browser(_) => return,
        };
        let before = field.text().len();
        edit(field);
        if self.focus == LoginField::Homeserver && field.text().len() != before {
            // What was found, or is being found, is no longer about what is typed.
            self.found = None;
            if self.state == LoginState::Finding {
                self.cancel(out);
            }
        }
    }

    /// Goes to another field; a homeserver that was typed is looked for meanwhile.
    pub(super) fn leave_field(&mut self, by: isize, out: &mut Vec<Effect>) {
        if self.focus == LoginField::Homeserver && self.found.is_none() && self.state == LoginState::Idle {
            let typed = self.homeserver.text().trim();
            if !typed.is_empty() {
                out.push(Effect::from(SessionRequest::FindHomeserver(typed.to_owned())));
                self.state = LoginState::Finding;
                self.error = None;
            }
        }
        self.move_focus(by);
    }

    fn move_focus(&mut self, by: isize) {
        let fields = self.fields();
        let index = fields.iter().position(|field| *field == self.focus).unwrap_or(0);
        let next = index.saturating_add_signed(by + fields.len().cast_signed()) % fields.len();
        self.focus = fields.get(next).copied().unwrap_or_default();
    }

    pub(super) fn cancel(&mut self, out: &mut Vec<Effect>) {
        if self.state != LoginState::Idle {
            self.state = LoginState::Idle;
            out.push(Effect::from(SessionRequest::CancelLogin));
        }
    }

    /// Goes on from what is there: to the browser, to the homeserver with the password, or to what
    /// is missing.
    pub(super) fn submit(&mut self, out: &mut Vec<Effect>) {
        if !matches!(self.state, LoginState::Idle | LoginState::Finding) {
            return;
        }
        let Some(homeserver) = self.homeserver_wanted() else {
            self.error = Some(SafeText::line("Type the name of your homeserver, for instance matrix.org."));
            self.focus = LoginField::Homeserver;
            return;
        };
        let user = self.user.text().trim().to_owned();
        let with_password = self.fields().contains(&LoginField::Password);
        if let LoginField::Browser(method) = self.focus {
            self.state = LoginState::Browser { url: None };
            out.push(Effect::from(SessionRequest::BrowserLogin { homeserver, method }));
        } else if with_password && !user.is_empty() && !self.password.is_empty() {
            self.state = LoginState::LoggingIn;
            out.push(Effect::from(SessionRequest::Login {
                homeserver,
                user,
                password: Secret(self.password.text().to_owned()),
            }));
        } else if self.found.is_none() && self.focus == LoginField::Homeserver {
            if self.state == LoginState::Finding {
                return;
            }
            self.state = LoginState::Finding;
            out.push(Effect::from(SessionRequest::FindHomeserver(homeserver)));
        } else {
            let fields = self.fields();
            let missing = fields.iter().skip(1).find(|field| self.field(**field).is_none_or(Composer::is_empty));
            self.focus = missing.copied().unwrap_or_default();
        }
        self.error = None;
    }

    /// The homeserver as typed, or else the one in a full user id.
    fn homeserver_wanted(&self) -> Option<String> {
        let typed = self.homeserver.text().trim();
        let of_user = || self.user.text().trim().strip_prefix('@')?.split_once(':').map(|(_, server)| server);
        let wanted = if typed.is_empty() { of_user()? } else { typed };
        (!wanted.is_empty()).then(|| wanted.to_owned())
    }
}
