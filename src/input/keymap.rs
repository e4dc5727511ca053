//! Which key means which action, per context.

use std::collections::BTreeMap;

use super::{ACTIONS, Action, Context, Key};

/// The bindings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bindings: BTreeMap<(Context, Key), Action>,
}

impl Default for Keymap {
    /// The keys of [`ACTIONS`].
    fn default() -> Self {
        let rows = ACTIONS.iter().flat_map(|info| info.keys.iter().map(move |(context, keys)| (info, *context, *keys)));
        let bindings =
            rows.flat_map(|(info, context, keys)| keys.iter().map(move |key| ((context, *key), info.action)));
        Self { bindings: bindings.collect() }
    }
}

impl Keymap {
    /// What this key means, in the first of these contexts in which it means something.
    pub fn action(&self, contexts: &[Context], key: Key) -> Option<Action> {
        contexts.iter().find_map(|context| self.bindings.get(&(*context, key)).copied())
    }

    /// The first key by which this action is done in these contexts, to be shown as a hint: the table's first key,
    /// if it is still bound to the action and not hidden by a nearer context.
    pub fn hint(&self, contexts: &[Context], action: Action) -> Option<Key> {
        let keys = action.info()?.keys.iter().filter(|(context, _)| contexts.contains(context));
        keys.flat_map(|(_, keys)| keys.iter().copied()).find(|key| self.action(contexts, *key) == Some(action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::KeyCode;

    #[test]
    fn the_nearest_context_decides() {
        let keymap = Keymap::default();
        let enter = Key::new(KeyCode::Enter);
        let cases = [
            (&[Context::Composer, Context::Edit, Context::Global][..], enter, Some(Action::Send)),
            (&[Context::Timeline, Context::Browse, Context::Global][..], enter, Some(Action::Compose)),
            (&[Context::Global][..], enter, None),
            (&[Context::Timeline, Context::Global][..], Key::char('d').ctrl(), Some(Action::PageDown)),
            (&[Context::Composer, Context::Edit][..], Key::char('d').ctrl(), Some(Action::DeleteForward)),
            (&[Context::Login, Context::Edit][..], Key::char('?'), None),
        ];
        for (contexts, key, action) in cases {
            assert_eq!(keymap.action(contexts, key), action, "{key} in {contexts:?}");
        }
    }

    #[test]
    fn a_hint_is_a_key_that_works_there() {
        let keymap = Keymap::default();
        assert_eq!(keymap.hint(&[Context::Composer], Action::Send), Some(Key::new(KeyCode::Enter)));
        assert_eq!(keymap.hint(&[Context::Composer], Action::Help), None);
        assert_eq!(keymap.hint(&[Context::Browse, Context::Global], Action::Help), Some(Key::new(KeyCode::F(1))));
    }
}
