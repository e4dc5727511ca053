//! Settings as they are changed by a command.

use super::{
    App,
    command::{Refusal, TypedSetting, Wanted, setting, values},
    effect::Effect,
    status::Status,
};
use crate::{
    model::{SafeText, Timestamp},
    settings::{Change, Scope},
};

impl App {
    /// `/set`: asks for a setting to be saved; or says what it is and what it means.
    pub(super) fn set(&mut self, argument: &str, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let TypedSetting { setting, user_id, wanted } = setting(argument)?;
        let id = match setting.scope {
            Scope::Global => String::new(),
            Scope::Room => self.joined_room()?.id.as_str().to_owned(),
            Scope::Person => user_id.unwrap_or_default(),
        };
        let value = match wanted {
            Wanted::Said => {
                let set = setting.get(&self.settings, &id).map_or("not set".to_owned(), |value| value.text());
                let text = format!("{} is {set}; it can be {}. {}.", setting.typed(), values(setting), setting.doc);
                self.status = Some(Status::info(SafeText::line(&text), now));
                return Ok(());
            }
            Wanted::Default => None,
            Wanted::Value(value) => Some(value),
        };
        out.push(Effect::SaveSetting(Change { key: setting.key, id, value }));
        Ok(())
    }
}
