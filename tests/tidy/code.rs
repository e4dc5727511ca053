//! Rust read as tokens: the paths that a file names, the modules that it declares, what of it is
//! not for tests only.
//!
//! Tokens are enough for the house rules and leave nothing to guess: comments are gone, strings are
//! strings, and no parser has to keep up with the language.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path as it stands in the code, groups resolved: `use a::{b, c::d}` is `a::b` and `a::c::d`.
#[derive(Debug, PartialEq, Eq)]
pub struct CodePath {
    /// Its names, in order.
    pub segments: Vec<String>,
    /// Where it stands.
    pub line: usize,
}

/// `code` without docs and without the items under `#[cfg(test)]`.
pub fn production(code: TokenStream) -> TokenStream {
    let mut kept = TokenStream::new();
    let mut rest = code.into_iter().peekable();
    while let Some(tree) = rest.next() {
        match (&tree, rest.peek()) {
            (TokenTree::Punct(hash), Some(TokenTree::Punct(bang)))
                if hash.as_char() == '#' && bang.as_char() == '!' =>
            {
                // An inner attribute, docs among them, says nothing about the code.
                rest.nth(1);
            }
            (TokenTree::Punct(hash), Some(TokenTree::Group(attribute))) if hash.as_char() == '#' => {
                let (is_doc, is_test) = (first_word(attribute).as_deref() == Some("doc"), is_cfg_test(attribute));
                if is_doc {
                    rest.next();
                } else if is_test {
                    rest.find(ends_item);
                } else {
                    kept.extend([tree]);
                }
            }
            (TokenTree::Group(group), _) => {
                let inner = TokenTree::Group(Group::new(group.delimiter(), production(group.stream())));
                kept.extend([inner]);
            }
            _ => kept.extend([tree]),
        }
    }
    kept
}

fn is_cfg_test(attribute: &Group) -> bool {
    attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// Whether a token is the last one of an item: `;`, or a body.
fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}

pub fn first_word(group: &Group) -> Option<String> {
    match group.stream().into_iter().next() {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

pub fn groups(trees: &[TokenTree]) -> impl Iterator<Item = &Group> {
    trees.iter().filter_map(|tree| if let TokenTree::Group(group) = tree { Some(group) } else { None })
}

/// Every path in `code`, also those of a single name.
pub fn paths(code: TokenStream) -> Vec<CodePath> {
    let trees: Vec<_> = code.into_iter().collect();
    let mut found = paths_here(&trees);
    for (index, tree) in trees.iter().enumerate() {
        let is_use_group = index >= 2 && is_colon(&trees[index - 1]) && is_colon(&trees[index - 2]);
        let is_visibility = index >= 1 && matches!(&trees[index - 1], TokenTree::Ident(word) if word == "pub");
        if let TokenTree::Group(group) = tree
            && !is_use_group
            && !is_visibility
        {
            found.extend(paths(group.stream()));
        }
    }
    found
}

/// The paths on this level, with the groups of their `use` trees but no other group.
pub fn paths_here(trees: &[TokenTree]) -> Vec<CodePath> {
    let mut found = Vec::new();
    let mut rest = trees;
    while let Some((tree, after)) = rest.split_first() {
        rest = after;
        let TokenTree::Ident(name) = tree else { continue };
        let line = name.span().start().line;
        if name == "as" {
            // The new name in `use a as b` is nobody's path, but the trait in `<A as b::C>` is one.
            if let [TokenTree::Ident(_), after @ ..] = rest
                && !after.first().is_some_and(is_colon)
            {
                rest = after;
            }
            continue;
        }
        let mut segments = vec![name.to_string()];
        let mut nested = None;
        while let [one, other, next, after @ ..] = rest
            && is_colon(one)
            && is_colon(other)
        {
            match next {
                TokenTree::Ident(name) => segments.push(name.to_string()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => nested = Some(group),
                _ => break,
            }
            rest = after;
        }
        let Some(group) = nested else {
            found.push(CodePath { segments, line });
            continue;
        };
        let inner: Vec<_> = group.stream().into_iter().collect();
        for mut path in paths_here(&inner) {
            path.segments.splice(0..0, segments.iter().cloned());
            found.push(path);
        }
    }
    found
}

fn is_colon(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// Every literal in `code` with its line.
pub fn literals(code: TokenStream) -> Vec<(String, usize)> {
    let found = code.into_iter().flat_map(|tree| match tree {
        TokenTree::Literal(literal) => vec![(literal.to_string(), literal.span().start().line)],
        TokenTree::Group(group) => literals(group.stream()),
        _ => Vec::new(),
    });
    found.collect()
}

/// The names of the modules that a file declares, in order.
pub fn declared_modules(code: TokenStream) -> Vec<String> {
    let trees: Vec<_> = code.into_iter().collect();
    let declared = trees.windows(3).filter_map(|window| match window {
        [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(end)]
            if word == "mod" && end.as_char() == ';' =>
        {
            Some(name.to_string())
        }
        _ => None,
    });
    declared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_paths(code: &str, expected: &[&str]) {
        let found = paths(production(code.parse().unwrap()));
        let found: Vec<_> =
            found.iter().map(|path| path.segments.join("::")).filter(|path| path.contains("::")).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        check_paths("use crate::x;", &["crate::x"]);
        check_paths(
            "pub use crate::{a, b::{c, self}, d as e, f::*};",
            &["crate::a", "crate::b::c", "crate::b::self", "crate::d", "crate::f"],
        );
        check_paths(
            "fn f(x: &crate::a::B<crate::c::D>) { g::<super::h::I>(x) }",
            &["crate::a::B", "crate::c::D", "super::h::I"],
        );
        check_paths("fn f() { <A as crate::b::C>::d(); m!(crate::e::F { g: 1 }) }", &["crate::b::C", "crate::e::F"]);
        check_paths("#[derive(a::B)] struct C(#[serde(with = \"x\")] d::E);", &["a::B", "d::E"]);
    }

    #[test]
    fn comments_strings_and_tests_are_not_code() {
        check_paths("//! crate::a\n/// crate::b\n// crate::c\nconst A: &str = \"crate::d\";", &[]);
        check_paths("#[cfg(test)] mod tests { use crate::a; } use crate::b;", &["crate::b"]);
        check_paths("#[cfg(test)] #[allow(x)] use crate::a; use crate::b;", &["crate::b"]);
        check_paths("mod m { #[cfg(test)] fn f() { crate::a() } fn g() { crate::b() } }", &["crate::b"]);
        check_paths("#[cfg(unix)] use crate::a;", &["crate::a"]);
    }

    #[test]
    fn lines_literals_and_modules_are_told() {
        let code = "mod a;\n#[cfg(test)]\nmod b;\nfn f() {\n    c::d(\"e\")\n}\nmod g {}";
        let code: TokenStream = code.parse().unwrap();
        assert_eq!(declared_modules(code.clone()), ["a", "b"]);
        assert_eq!(declared_modules(production(code.clone())), ["a"]);
        assert_eq!(literals(code.clone()), [("\"e\"".to_owned(), 5)]);
        assert_eq!(literals(production("//! a\n/// b\nfn f() {\n    //! c\n}".parse().unwrap())), []);
        assert!(paths(code).contains(&CodePath { segments: vec!["c".into(), "d".into()], line: 5 }));
    }
}
