//! Which keys mean which command, per context.
//!
//! A command may be bound to keys that are pressed one after the other, so the bindings of a
//! context are a trie. Nothing waits for a clock: keys that are bound are the command at once, and
//! a context in which they are the beginning of a longer sequence as well is refused when the
//! keymap is made.

use std::collections::BTreeMap;

use super::{Context, Key, KeySequence};

/// The bindings in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    /// In the order in which they were given: the first one of a command is what hints show.
    bindings: Vec<(Context, KeySequence, &'static str)>,
    tries: BTreeMap<Context, Node>,
}

/// What may follow the keys pressed so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    command: Option<&'static str>,
    next: BTreeMap<Key, Node>,
}

/// What keys mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The command of this name.
    Command(&'static str),
    /// They are the beginning of a sequence.
    Begun,
    /// Nothing.
    Nothing,
}

/// Two commands cannot both be bound like this: the keys are the same, or one is the beginning of
/// the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{keys} in {context:?} is bound to {one} and cannot be bound to {other}")]
pub struct Clash {
    /// Where.
    pub context: Context,
    /// The keys of the second binding.
    pub keys: KeySequence,
    /// What they mean already, or what they begin.
    pub one: &'static str,
    /// What they were to mean too.
    pub other: &'static str,
}

impl Keymap {
    /// A keymap of these bindings; of several for one command in one context the first is shown in
    /// hints.
    pub fn new(bindings: impl IntoIterator<Item = (Context, KeySequence, &'static str)>) -> Result<Self, Clash> {
        let mut keymap = Self::default();
        for (context, keys, command) in bindings {
            keymap.tries.entry(context).or_default().bind(keys.keys(), command).map_err(|one| Clash {
                context,
                keys: keys.clone(),
                one,
                other: command,
            })?;
            keymap.bindings.push((context, keys, command));
        }
        Ok(keymap)
    }

    /// What these keys mean, in the first of these contexts in which they mean something.
    pub fn lookup(&self, contexts: &[Context], keys: &[Key]) -> Lookup {
        let tries = contexts.iter().filter_map(|context| self.tries.get(context));
        let found = tries.map(|trie| trie.lookup(keys)).find(|found| *found != Lookup::Nothing);
        found.unwrap_or(Lookup::Nothing)
    }

    /// The keys of a command in a context, in their order.
    pub fn keys(&self, context: Context, command: &str) -> impl Iterator<Item = &KeySequence> {
        let bound = self.bindings.iter().filter(move |(at, _, name)| *at == context && *name == command);
        bound.map(|(_, keys, _)| keys)
    }

    /// The first keys by which a command is reached in these contexts, and which no nearer context
    /// hides.
    pub fn hint(&self, contexts: &[Context], command: &str) -> Option<&KeySequence> {
        let bound = self.bindings.iter().filter(|(at, _, name)| *name == command && contexts.contains(at));
        let works = |keys: &&KeySequence| matches!(self.lookup(contexts, keys.keys()), Lookup::Command(name) if name == command);
        bound.map(|(_, keys, _)| keys).find(works)
    }
}

impl Node {
    /// Binds a command; an error is the command that stands in the way.
    fn bind(&mut self, keys: &[Key], command: &'static str) -> Result<(), &'static str> {
        match (self.command, keys.split_first()) {
            (Some(one), _) => Err(one),
            (None, Some((first, rest))) => self.next.entry(*first).or_default().bind(rest, command),
            (None, None) => {
                if let Some(longer) = self.first() {
                    return Err(longer);
                }
                self.command = Some(command);
                Ok(())
            }
        }
    }

    /// Any command that begins with the keys that lead here.
    fn first(&self) -> Option<&'static str> {
        self.command.or_else(|| self.next.values().find_map(Self::first))
    }

    fn lookup(&self, keys: &[Key]) -> Lookup {
        match (keys.split_first(), self.command) {
            (None, Some(command)) => Lookup::Command(command),
            (None, None) => Lookup::Begun,
            (Some((first, rest)), _) => self.next.get(first).map_or(Lookup::Nothing, |next| next.lookup(rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keymap(bindings: &[(Context, &str, &'static str)]) -> Result<Keymap, Clash> {
        Keymap::new(bindings.iter().map(|(context, keys, command)| (*context, keys.parse().unwrap(), *command)))
    }

    fn keys(names: &str) -> Vec<Key> {
        names.parse::<KeySequence>().unwrap().keys().to_vec()
    }

    #[test]
    fn the_nearest_context_decides() {
        let keymap = keymap(&[
            (Context::Timeline, "Ctrl-D", "page-down"),
            (Context::Edit, "Ctrl-D", "delete-forward"),
            (Context::Global, "F1", "help"),
        ]);
        let keymap = keymap.unwrap();
        let lookup = |contexts: &[Context], names: &str| keymap.lookup(contexts, &keys(names));
        assert_eq!(lookup(&[Context::Timeline, Context::Edit], "Ctrl-D"), Lookup::Command("page-down"));
        assert_eq!(lookup(&[Context::Edit, Context::Timeline], "Ctrl-D"), Lookup::Command("delete-forward"));
        assert_eq!(lookup(&[Context::Edit, Context::Global], "F1"), Lookup::Command("help"));
        assert_eq!(lookup(&[Context::Edit], "F1"), Lookup::Nothing);
    }

    #[test]
    fn keys_may_be_a_sequence() {
        let keymap = keymap(&[(Context::Timeline, "g g", "oldest"), (Context::Browse, "g", "grin")]).unwrap();
        assert_eq!(keymap.lookup(&[Context::Timeline], &keys("g")), Lookup::Begun);
        assert_eq!(keymap.lookup(&[Context::Timeline], &keys("g g")), Lookup::Command("oldest"));
        assert_eq!(keymap.lookup(&[Context::Timeline], &keys("g x")), Lookup::Nothing);
        assert_eq!(keymap.lookup(&[Context::Timeline, Context::Browse], &keys("g")), Lookup::Begun);
        assert_eq!(keymap.hint(&[Context::Timeline], "oldest").map(ToString::to_string).as_deref(), Some("g g"));
        assert_eq!(keymap.hint(&[Context::Timeline, Context::Browse], "grin"), None, "it cannot be reached there");
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let clash = |one: &'static str, other: &'static str| {
            keymap(&[(Context::Main, one, "one"), (Context::Main, other, "other")]).unwrap_err()
        };
        for (one, other) in [("g", "g"), ("g", "g g"), ("g g", "g")] {
            let Clash { context, keys, one: first, other: second } = clash(one, other);
            assert_eq!((context, &*keys.to_string(), first, second), (Context::Main, other, "one", "other"));
        }
        assert!(keymap(&[(Context::Main, "g", "one"), (Context::Rooms, "g", "other")]).is_ok());
    }

    #[test]
    fn a_hint_is_the_first_key_that_works_there() {
        let keymap = keymap(&[
            (Context::Composer, "Enter", "send"),
            (Context::Global, "F1", "help"),
            (Context::Browse, "?", "help"),
        ]);
        let keymap = keymap.unwrap();
        let hint = |contexts: &[Context], command| keymap.hint(contexts, command).map(ToString::to_string);
        assert_eq!(hint(&[Context::Composer], "send").as_deref(), Some("Enter"));
        assert_eq!(hint(&[Context::Composer], "help"), None);
        assert_eq!(hint(&[Context::Browse, Context::Global], "help").as_deref(), Some("F1"));
        assert_eq!(keymap.keys(Context::Browse, "help").map(ToString::to_string).collect::<Vec<_>>(), ["?"]);
    }
}
