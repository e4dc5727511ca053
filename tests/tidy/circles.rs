//! Circles between files: each needs the next one, and the last one needs the first.
//!
//! Where files go round in a circle, there is none that can be read, tested or taken out first. A
//! file needs another when it names something that is defined there; who only passes it on
//! (`pub use`) does not count. A module may use what its parents define: `foo.rs` declares
//! `foo/bar.rs`, so the two are one subject, and who reads the child has the parent at hand. What a
//! parent uses of its children does count, so that no circle hides in a folder.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

use super::code::{declared_modules, paths, paths_here};

/// Circles that are still there: which file should not need which others, and why it does so far.
pub const STILL_THERE: &[Exception] = &[];

/// The files of a crate: each module's path, such as `["app", "event"]`, with its code.
pub type Files = BTreeMap<Vec<String>, TokenStream>;

/// Who needs whom: module by module.
pub type Needs = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// Who needs whom and should not, and why.
pub type Exception = (&'static str, &'static [&'static str], &'static str);

/// What is wrong: every circle that no exception opens, and every exception that opens none.
pub fn problems(needs: &Needs, exceptions: &[Exception]) -> Vec<String> {
    let module = |name: &str| name.split("::").map(str::to_owned).collect::<Vec<_>>();
    let excused: Vec<_> =
        exceptions.iter().flat_map(|(from, those, _)| those.iter().map(move |to| (module(from), module(to)))).collect();
    let mut rest = needs.clone();
    for (from, to) in &excused {
        rest.entry(from.clone()).or_default().remove(to);
    }
    let closes = |(from, to): &(Vec<String>, Vec<String>)| {
        needs.get(from).is_some_and(|those| those.contains(to)) && all_behind(&rest, to).contains(from)
    };
    let name = |module: &Vec<String>| module.join("::");
    let told = circles(&rest).into_iter().map(|circle| {
        let way: Vec<_> = circle.iter().chain(circle.first()).map(name).collect();
        format!("a circle: {}", way.join(" → "))
    });
    let needless = excused.iter().filter(|exception| !closes(exception));
    told.chain(
        needless.map(|(from, to)| {
            format!("{} → {} closes no circle any more: take the exception out", name(from), name(to))
        }),
    )
    .collect()
}

/// What every file needs of others that are not its parents.
pub fn needs(files: &Files) -> Needs {
    let names = files.iter().map(|(module, code)| (module.clone(), names_in(module, code))).collect();
    let needed = |(module, code): (&Vec<String>, &TokenStream)| {
        let found = paths(code.clone()).into_iter().filter_map(|path| definition(&names, module, &path.segments, 0));
        (module.clone(), found.filter(|found| !module.starts_with(found)).collect())
    };
    files.iter().map(needed).collect()
}

/// One circle, a shortest, for each set of files that all need one another; told as its modules in
/// their order.
pub fn circles(needs: &Needs) -> Vec<Vec<Vec<String>>> {
    let reached: BTreeMap<_, _> = needs.keys().map(|module| (module, all_behind(needs, module))).collect();
    let mut told = BTreeSet::new();
    let mut circles = Vec::new();
    for (&module, behind) in &reached {
        if behind.contains(module) && !told.contains(module) {
            let together = || behind.iter().copied().filter(|other| reached[*other].contains(module));
            circles.extend(together().map(|from| shortest(needs, from)).min_by_key(Vec::len));
            told.extend(together());
        }
    }
    circles
}

/// Which names a file can use for what: its child modules, and what it imports at its top.
fn names_in(module: &[String], code: &TokenStream) -> BTreeMap<String, Vec<String>> {
    let trees: Vec<_> = code.clone().into_iter().collect();
    let uses = trees.split(|tree| matches!(tree, TokenTree::Punct(end) if end.as_char() == ';')).flat_map(|item| {
        let start = item.iter().rposition(|tree| matches!(tree, TokenTree::Ident(word) if word == "use"));
        start.map_or_else(Vec::new, |start| paths_here(&item[start + 1..]))
    });
    let imported = uses.filter_map(|mut path| {
        // In `a::{self}` it is `a` that is imported.
        path.segments.pop_if(|last| last == "self");
        Some((path.segments.last()?.clone(), path.segments))
    });
    let children = declared_modules(code.clone()).into_iter().map(|name| {
        let path = ["crate".to_owned()].into_iter().chain(module.iter().cloned()).chain([name.clone()]);
        (name, path.collect())
    });
    imported.chain(children).collect()
}

/// The module that defines what `module` calls `path`; `None` if that is not of this crate.
fn definition(
    names: &BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
    module: &[String],
    path: &[String],
    depth: usize,
) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let absolute = match path.first()?.as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [module, &path[1..]].concat(),
        "super" => [&module[..module.len().saturating_sub(ups)], &path[ups..]].concat(),
        name => {
            let meant = names.get(module)?.get(name).filter(|meant| depth < 8 && meant[0] != *name)?;
            return definition(names, module, &[meant, &path[1..]].concat(), depth + 1);
        }
    };
    let file =
        (1..=absolute.len()).rev().map(|length| &absolute[..length]).find(|prefix| names.contains_key(*prefix))?;
    let item = &absolute[file.len()..];
    let passed_on = item.first().is_some_and(|name| file != module && names[file].contains_key(name));
    let defined = passed_on.then(|| definition(names, file, item, depth + 1)).flatten();
    Some(defined.unwrap_or_else(|| file.to_vec()))
}

/// All that a module needs, and they need, and so on.
fn all_behind<'a>(needs: &'a Needs, module: &[String]) -> BTreeSet<&'a Vec<String>> {
    let mut found = BTreeSet::new();
    let mut open: Vec<_> = needs.get(module).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(needs.get(next).into_iter().flatten());
        }
    }
    found
}

/// A shortest way from a module back to itself.
fn shortest(needs: &Needs, from: &[String]) -> Vec<Vec<String>> {
    let mut ways = vec![vec![from.to_vec()]];
    let mut seen = BTreeSet::new();
    for index in 0.. {
        let Some(way) = ways.get(index).cloned() else { break };
        let last = &way[way.len() - 1];
        for next in needs.get(last).into_iter().flatten() {
            if next == from {
                return way;
            }
            if seen.insert(next) {
                ways.push([&way[..], std::slice::from_ref(next)].concat());
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs_of(files: &[(&str, &str)]) -> Needs {
        let module = |name: &str| name.split("::").map(str::to_owned).collect();
        needs(&files.iter().map(|(name, code)| (module(name), code.parse().expect("Rust"))).collect())
    }

    fn check(files: &[(&str, &str)], exceptions: &[Exception], expected: &[&str]) {
        assert_eq!(problems(&needs_of(files), exceptions), expected, "{files:?}");
    }

    #[test]
    fn a_circle_is_found_in_every_form() {
        let by_use = [("a", "use crate::b::B;"), ("b", "fn f() { crate::a::f() }"), ("c", "use crate::a;")];
        check(&by_use, &[], &["a circle: a → b → a"]);
        let siblings = [("a", "mod b; mod c;"), ("a::b", "use super::c::C;"), ("a::c", "use super::b;")];
        check(&siblings, &[], &["a circle: a::b → a::c → a::b"]);
        let by_alias = [("a", "use crate::{b as x}; fn f() { x::f() }"), ("b", "use crate::a::{self};")];
        check(&by_alias, &[], &["a circle: a → b → a"]);
        let through_a_parent = [("a", "use crate::b;"), ("b", "mod c; fn f() { c::f() }"), ("b::c", "use crate::a;")];
        check(&through_a_parent, &[], &["a circle: a → b → b::c → a"]);
        let the_shortest = [("a", "use crate::b;"), ("b", "use crate::c;"), ("c", "use crate::{a, b};")];
        check(&the_shortest, &[], &["a circle: b → c → b"]);
    }

    #[test]
    fn what_is_passed_on_is_needed_where_it_is_defined() {
        let passed_on =
            [("a", "mod b; mod c; pub use self::b::B;"), ("a::b", "use super::c::C;"), ("a::c", "use super::B;")];
        check(&passed_on, &[], &["a circle: a::b → a::c → a::b"]);
        let of_a_stranger = [("a", "mod b; pub use b::B;"), ("a::b", ""), ("c", "use crate::a::B;")];
        assert_eq!(needs_of(&of_a_stranger)[&vec!["c".to_owned()]], [vec!["a".to_owned(), "b".to_owned()]].into());
    }

    #[test]
    fn parents_and_children_are_one_subject() {
        check(
            &[("a", "mod b; use self::b::B; pub struct A;"), ("a::b", "use super::A; fn f() { crate::a::g() }")],
            &[],
            &[],
        );
        check(&[("a", "use crate::b;"), ("b", "use std::fmt; fn a() { b() } struct S { a: u8 }")], &[], &[]);
    }

    #[test]
    fn an_exception_opens_a_circle_and_is_needed() {
        let circle = [("a", "use crate::b;"), ("b", "use crate::a;")];
        check(&circle, &[("a", &["b"], "")], &[]);
        check(&circle, &[("b", &["a"], "")], &[]);
        let straight = [("a", "use crate::b;"), ("b", "")];
        check(&straight, &[("a", &["b"], "")], &["a → b closes no circle any more: take the exception out"]);
        check(&straight, &[("b", &["a"], "")], &["b → a closes no circle any more: take the exception out"]);
    }
}
