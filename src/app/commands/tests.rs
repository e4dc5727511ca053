use std::collections::BTreeSet;

use super::*;
use crate::input::{Context, KeySequence};

#[test]
fn every_command_is_documented_and_named_in_one_way() {
    let mut names = BTreeSet::new();
    for command in all() {
        assert!(command.doc.len() > 1 && !command.doc.ends_with('.'), "{command:?}");
        assert!(command.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{command:?}");
        assert!(names.insert(command.name), "{} is there twice", command.name);
        assert_eq!(named(command.name).map(|found| found.doc), Some(command.doc));
    }
}

#[test]
fn every_command_can_be_reached() {
    for command in all() {
        let keys: usize = command.keys.iter().map(|(_, keys)| keys.len()).sum();
        assert!(keys > 0 || command.typed.is_some(), "{command:?}");
    }
}

#[test]
fn every_default_key_can_be_read_and_means_one_thing_in_its_context() {
    let rows = all().flat_map(|command| command.keys.iter().map(move |(context, keys)| (command.name, context, keys)));
    let bindings: Vec<_> = rows
        .flat_map(|(name, context, keys)| {
            keys.iter().map(move |keys| {
                let read: KeySequence = keys.parse().unwrap();
                assert_eq!(read.to_string(), *keys);
                (*context, read, name)
            })
        })
        .collect();
    assert_eq!(Keymap::new(bindings), Ok(default_keymap()));
}

#[test]
fn no_typed_character_is_a_key_where_text_is_typed() {
    for command in all() {
        for (context, keys) in command.keys {
            let typing = matches!(
                context,
                Context::Global
                    | Context::Main
                    | Context::Composer
                    | Context::CommandLine
                    | Context::CommandName
                    | Context::Edit
                    | Context::Login
                    | Context::Filter
            );
            let types = |keys: &&str| keys.parse::<KeySequence>().is_ok_and(|keys| keys.keys()[0].typed().is_some());
            assert!(!typing || !keys.iter().any(types), "{} in {context:?}", command.name);
        }
    }
}

#[test]
fn every_context_has_a_key_and_is_listed() {
    let bound: BTreeSet<Context> = all().flat_map(|command| command.keys.iter().map(|(context, _)| *context)).collect();
    assert_eq!(bound, Context::ALL.into_iter().collect());
}

#[test]
fn an_argument_is_checked_before_anything_is_done() {
    let check = |argument: Argument, typed| argument.check("x", typed).err().unwrap_or_default();
    assert_eq!(check(Argument::Nothing, "a"), "/x takes nothing after its name.");
    assert_eq!(check(Argument::Person, ""), "Something is missing: /x @user:server");
    assert_eq!(check(Argument::Person, "ada"), "ada is no user id; one looks like @ada:example.org.");
    assert!(check(Argument::Room, "lake").starts_with("lake is no room"));
    assert_eq!(check(Argument::OneOf("[room]", &["room"]), "here"), "/x takes room or nothing, not here.");
    assert_eq!(check(Argument::OneOf("a|b", &["a", "b"]), "c"), "/x takes a or b, not c.");
    for (argument, typed) in
        [(Argument::Nothing, ""), (Argument::Person, "@ada:x"), (Argument::Room, "#a:x"), (Argument::Other("[a]"), "")]
    {
        assert_eq!(check(argument, typed), "", "{argument:?} {typed}");
    }
}

#[test]
fn the_readme_has_every_command_and_key() {
    let readme: Vec<_> = include_str!("../../../README.md").lines().collect();
    let missing: Vec<_> = readme_rows().into_iter().filter(|row| !readme.contains(&row.as_str())).collect();
    assert!(missing.is_empty(), "the README lacks\n{}", missing.join("\n"));
}

/// As the README has them: a row for each command, and for each one with keys in each context.
fn readme_rows() -> Vec<String> {
    let commands = all().filter(|command| command.typed.is_some());
    let commands = commands.map(|command| format!("| `/{}` | {} |", command.usage().replace('|', "\\|"), command.doc));
    let keys = Context::ALL.into_iter().flat_map(|context| {
        all().filter_map(move |command| {
            let (_, keys) = command.keys.iter().find(|(at, _)| *at == context)?;
            let keys: Vec<_> = keys.iter().map(|keys| format!("`{keys}`")).collect();
            Some(format!("| {} | {} | {} |", context.title(), keys.join(", "), command.doc))
        })
    });
    commands.chain(keys).collect()
}
