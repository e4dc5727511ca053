//! The house rules that a compiler does not know: who may import whom, what stays pure, what every
//! file looks like.
//!
//! The import table has one source, the docs of `src/lib.rs`, and is read from there. Sources are
//! read as tokens, not as text, so comments and strings cannot be taken for code. What is under
//! `#[cfg(test)]` may import anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use code::{CodePath, declared_modules, first_word, groups, literals, paths, paths_here, production};
use kvitto::settings::{self, Config};
use proc_macro2::{TokenStream, TokenTree};

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/code.rs"]
mod code;

/// A file of the package.
struct Source {
    /// Relative to the package, with `/` between folders.
    path: String,
    text: String,
}

/// A module's row in the table: the paths that it may import from the crate, or `None` for any.
type Row = (String, Option<Vec<String>>);

// ── The rules ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn modules_import_only_what_the_table_allows() {
    let sources = sources(&["src"]);
    let table = import_table(&source("src/lib.rs").text);
    let mut problems = Vec::new();
    for source in production_sources(&sources).filter(|source| !is_root(source)) {
        problems.extend(forbidden_imports(&source.path, production(tokens(source)), &table));
    }
    assert_none(&problems);
}

#[test]
fn the_table_names_every_module_after_those_that_it_imports() {
    let lib = source("src/lib.rs");
    let table = import_table(&lib.text);
    let named: Vec<_> = table.iter().map(|(module, _)| module.clone()).collect();
    let modules: Vec<_> = named.iter().filter(|name| !name.contains("::")).cloned().collect();
    assert_eq!(modules, declared_modules(tokens(&lib)), "the table and the `mod` lines of src/lib.rs");
    for (index, (module, allowed)) in table.iter().enumerate() {
        for path in allowed.iter().flatten() {
            let imported = path.split("::").next().unwrap().to_owned();
            assert!(named[..index].contains(&imported), "`{module}` imports `{path}`, which comes after it");
        }
    }
}

#[test]
fn files_do_not_need_each_other_in_a_circle() {
    let sources = sources(&["src"]);
    let files = production_sources(&sources).filter(|source| !is_root(source));
    let files = files.map(|source| (module_of(&source.path), production(tokens(source)))).collect();
    assert_none(&circles::problems(&circles::needs(&files), circles::STILL_THERE));
}

#[test]
fn pure_modules_know_no_clock_no_chance_and_no_outside() {
    let mut problems = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| is_pure(source)) {
        for path in paths(production(tokens(source))) {
            if let Some(what) = impurity(&path.segments) {
                problems.push(format!("{}:{}: {what} in a pure module", source.path, path.line));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn foreign_types_stay_where_they_belong() {
    let mut problems = Vec::new();
    for source in sources(&["src"]) {
        for CodePath { segments, line } in paths(production(tokens(&source))) {
            if is_stray(&source.path, &segments) {
                problems.push(format!("{}:{line}: {} does not belong here", source.path, segments.join("::")));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn names_on_the_wire_stand_in_one_file() {
    let mut problems = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| source.path != "src/delivery/receipt.rs") {
        for (literal, line) in literals(production(tokens(source))) {
            if literal.contains("dev.kvitto.") {
                problems.push(format!("{}:{line}: {literal} belongs into src/delivery/receipt.rs", source.path));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn nothing_is_left_to_do_or_ignored_and_no_test_sleeps() {
    let mut problems = Vec::new();
    for source in sources(&["src", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets"]) {
        problems.extend(loose_ends(&source.path, tokens(&source)));
    }
    assert_none(&problems);
}

#[test]
fn files_say_what_they_are_and_stay_small() {
    let mut problems = Vec::new();
    for Source { path, text } in sources(&["src", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets"]) {
        if !text.starts_with("//! ") {
            problems.push(format!("{path}: does not begin with its docs (`//!`)"));
        }
        if path.ends_with("/mod.rs") {
            problems.push(format!("{path}: `foo.rs` beside `foo/`, not `foo/mod.rs`"));
        }
        if text.lines().count() > 500 {
            problems.push(format!("{path}: {} lines, and two subjects", text.lines().count()));
        }
    }
    assert_none(&problems);
}

/// Code has rustfmt. Tables, and what is drawn between fences, are as wide as they have to be.
#[test]
fn comments_fit_in_a_hundred_columns() {
    let mut problems = Vec::new();
    for Source { path, text } in sources(&["src", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets"]) {
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
            fenced ^= comment.contains("```");
            let drawn =
                fenced || comment.trim_start_matches(['/', '!', ' ']).starts_with('|') || comment.contains("──");
            if line.chars().count() > 100 && !drawn {
                problems.push(format!("{path}:{}: {} columns", number + 1, line.chars().count()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn the_example_config_is_the_defaults_and_names_exactly_the_keys_there_are() {
    let example = fs::read_to_string(package().join("config.example.toml")).expect("the example is there");
    assert_eq!(Config::parse(&example), Ok(Config::default()));

    let all = uncommented(&example).parse().expect("the example is TOML, what is commented out included");
    let named: BTreeSet<_> = keys("", &all).into_iter().collect();
    let known: BTreeSet<_> = settings::all().map(|setting| setting.key.to_owned()).collect();
    assert_eq!(named, known);
}

// ── What they are made of ────────────────────────────────────────────────────────────────────────────────────────────

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problem(s):\n{}", problems.len(), problems.join("\n"));
}

/// All Rust files under the given folders of the package, without those that are test modules of
/// the library as a whole (`#[cfg(test)] mod tests;`).
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        read_folder(&package().join(folder), &mut found);
    }
    assert!(!found.is_empty(), "no sources under {folders:?}");
    let tests: BTreeSet<_> = found.iter().flat_map(test_modules).collect();
    found.retain(|source| !source.path.starts_with("src/") || !tests.contains(&module_of(&source.path)));
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Those that are no part of a test: a module whose parent is not among the sources is.
fn production_sources(sources: &[Source]) -> impl Iterator<Item = &Source> {
    let modules: BTreeSet<_> = sources.iter().map(|source| module_of(&source.path)).collect();
    sources.iter().filter(move |source| {
        let module = module_of(&source.path);
        (1..module.len()).all(|end| modules.contains(&module[..end]))
    })
}

fn read_folder(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            read_folder(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(package()).expect("it is in the package");
            found.push(source(relative.to_str().expect("source files have plain names")));
        }
    }
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn source(path: &str) -> Source {
    let text = fs::read_to_string(package().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Source { path: path.to_owned(), text }
}

fn tokens(source: &Source) -> TokenStream {
    source.text.parse().unwrap_or_else(|error| panic!("{}: {error}", source.path))
}

fn is_root(source: &Source) -> bool {
    ["src/lib.rs", "src/main.rs"].contains(&source.path.as_str())
}

/// model, delivery (but its store), settings, input, app, and of the server its rules.
fn is_pure(source: &Source) -> bool {
    let module = module_of(&source.path);
    match module.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["delivery", "store", ..] => false,
        ["model" | "delivery" | "settings" | "input" | "app", ..]
        | ["client", "reply" | "request" | "update"]
        | ["server", "routing" | "bundle", ..] => true,
        _ => false,
    }
}

/// `src/app/event.rs` is `["app", "event"]`; the roots are empty.
fn module_of(path: &str) -> Vec<String> {
    let name = path.trim_start_matches("src/").trim_end_matches(".rs");
    if ["lib", "main"].contains(&name) { Vec::new() } else { name.split('/').map(str::to_owned).collect() }
}

/// The example with its commented settings (`# [table]`, `# key = value`) in force.
fn uncommented(example: &str) -> String {
    let is_key = |text: &str| text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    let is_setting = |line: &&str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| is_key(key));
    let lines = example.lines().map(|line| line.strip_prefix("# ").filter(is_setting).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The full names of the keys in `table`, with `*` for the id of a room or a person.
fn keys(place: &str, table: &toml::Table) -> Vec<String> {
    let found = table.iter().flat_map(|(name, value)| {
        let name = if name.starts_with(['!', '@']) { "*" } else { name };
        let name = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        value.as_table().map_or_else(|| vec![name.clone()], |table| keys(&name, table))
    });
    found.collect()
}

/// The table in the docs of `src/lib.rs`: `| [`module`] | what it is | `a`, `b::c` |`. A part of a
/// module can have a row of its own (`a::b`), which counts there instead.
fn import_table(lib: &str) -> Vec<Row> {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    rows.map(|row| {
        let (module, rest) = row.split_once("`]").expect("a row begins with [`module`]");
        let allowed = rest.trim_end_matches([' ', '|']).rsplit('|').next().expect("a row has cells").trim();
        let allowed = match allowed {
            "everything" => None,
            "nothing" => Some(Vec::new()),
            names => Some(names.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()),
        };
        (module.to_owned(), allowed)
    })
    .collect()
}

/// The imports in `code`, which stands in the file at `path`, that the table does not allow.
fn forbidden_imports(path: &str, code: TokenStream, table: &[Row]) -> Vec<String> {
    let module = module_of(path);
    let allowed: BTreeMap<_, _> = table.iter().map(|(module, allowed)| (module, allowed)).collect();
    let of_part = (1..=module.len()).rev().find_map(|length| allowed.get(&module[..length].join("::")));
    let Some(allowed) = of_part else {
        return vec![format!("{path}: `{}` is not in the table of src/lib.rs", module[0])];
    };
    let Some(allowed) = allowed else { return Vec::new() };
    let may = |target: &[String]| {
        target.first() == module.first()
            || allowed
                .iter()
                .any(|prefix| target.iter().map(String::as_str).take(prefix.split("::").count()).eq(prefix.split("::")))
    };
    let imports = paths(code).into_iter().filter_map(|found| Some((in_crate(&module, &found.segments)?, found.line)));
    let forbidden = imports.filter(|(target, _)| !may(target));
    forbidden.map(|(target, line)| format!("{path}:{line}: may not import crate::{}", target.join("::"))).collect()
}

/// The absolute path behind `crate::…` or `super::…` as `module` writes it; `None` for other paths.
fn in_crate(module: &[String], segments: &[String]) -> Option<Vec<String>> {
    let ups = segments.iter().take_while(|segment| *segment == "super").count();
    match segments[0].as_str() {
        "crate" => Some(segments[1..].to_vec()),
        "super" => Some([&module[..module.len().saturating_sub(ups)], &segments[ups..]].concat()),
        _ => None,
    }
}

/// What makes a path impure, if anything does.
fn impurity(segments: &[String]) -> Option<&'static str> {
    let names: Vec<_> = segments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["tokio", ..] => Some("tokio"),
        ["rand" | "getrandom", ..] => Some("randomness"),
        ["std", "fs" | "io" | "net" | "process", ..] => Some("the outside world"),
        ["std", "env", ..] => Some("the environment"),
        ["std", "thread", ..] => Some("a thread"),
        [.., "SystemTime"] | ["SystemTime", ..] | [.., _, "now"] | [.., "TimeZone", "system"] => Some("a clock"),
        _ => None,
    }
}

/// Whether a path belongs to another module: the SDK to `client`, drawing to `view` and those
/// around it, the end of the process to `main`.
fn is_stray(file: &str, segments: &[String]) -> bool {
    let module = module_of(file);
    let module = module.first().map_or("", String::as_str);
    match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["matrix_sdk" | "matrix_sdk_base" | "matrix_sdk_ui", ..] => module != "client",
        ["ruma" | "axum", ..] => !matches!(module, "client" | "server"),
        ["ratatui" | "crossterm" | "termina", ..] => {
            matches!(module, "model" | "delivery" | "settings" | "app" | "config" | "client")
        }
        [.., "process", "exit"] => file != "src/main.rs",
        _ => false,
    }
}

/// Macros for code that is not there, tests that are not run, and tests that wait by the clock.
fn loose_ends(path: &str, code: TokenStream) -> Vec<String> {
    let trees: Vec<_> = code.into_iter().collect();
    let mut problems = Vec::new();
    for pair in trees.windows(2) {
        let line = pair[0].span().start().line;
        match pair {
            [TokenTree::Ident(name), TokenTree::Punct(bang)]
                if bang.as_char() == '!' && (name == "todo" || name == "unimplemented") =>
            {
                problems.push(format!("{path}:{line}: {name}!"));
            }
            [TokenTree::Punct(hash), TokenTree::Group(attribute)]
                if hash.as_char() == '#' && first_word(attribute).as_deref() == Some("ignore") =>
            {
                problems.push(format!("{path}:{line}: an ignored test"));
            }
            _ => {}
        }
    }
    if path.starts_with("tests/") {
        let sleeps = paths_here(&trees).into_iter().filter(|found| found.segments.ends_with(&["sleep".into()]));
        problems.extend(sleeps.map(|found| format!("{path}:{}: a test that sleeps", found.line)));
    }
    problems.extend(groups(&trees).flat_map(|group| loose_ends(path, group.stream())));
    problems
}

/// The modules that a file of the library declares for tests only.
fn test_modules(source: &Source) -> Vec<Vec<String>> {
    let (all, kept) = (declared_modules(tokens(source)), declared_modules(production(tokens(source))));
    let parent = module_of(&source.path);
    all.into_iter().filter(|name| !kept.contains(name)).map(|name| [&parent[..], &[name]].concat()).collect()
}

// ── The rules, broken ────────────────────────────────────────────────────────────────────────────────────────────────

const TABLE: &str = "
//! | module | what it is | may import from the crate |
//! | --- | --- | --- |
//! | [`model`] | data | nothing |
//! | [`app`] | state, `update` | `model` |
//! | [`config`] | settings | `model`, `app::theme` |
//! | [`config::edit`] | settings, changed | `model` |
//! | [`cli`] | the command line | everything |
";

fn check_imports(path: &str, code: &str, expected: &[&str]) {
    let found = forbidden_imports(path, production(code.parse().expect("Rust")), &import_table(TABLE));
    assert_eq!(found, expected, "{code}");
}

#[test]
fn a_forbidden_import_is_found_in_every_form() {
    check_imports(
        "src/model/mark.rs",
        "use crate::app::App;",
        &["src/model/mark.rs:1: may not import crate::app::App"],
    );
    check_imports("src/app.rs", "use crate::{model, config::{A}};", &["src/app.rs:1: may not import crate::config::A"]);
    check_imports("src/app/x.rs", "\nuse super::super::cli::A;", &["src/app/x.rs:2: may not import crate::cli::A"]);
    check_imports("src/config.rs", "fn f(a: crate::app::App) {}", &["src/config.rs:1: may not import crate::app::App"]);
    check_imports(
        "src/config/edit/x.rs",
        "use crate::{app::theme, model, config};",
        &["src/config/edit/x.rs:1: may not import crate::app::theme"],
    );
    check_imports("src/other.rs", "", &["src/other.rs: `other` is not in the table of src/lib.rs"]);
}

#[test]
fn an_allowed_import_is_left_alone() {
    check_imports("src/app/x/y.rs", "use crate::{app::a, model::b}; use super::c; use super::super::d;", &[]);
    check_imports("src/config.rs", "use crate::app::theme::{A, B};", &[]);
    check_imports("src/cli.rs", "use crate::{app, config}; #[cfg(test)] mod tests { use crate::nowhere; }", &[]);
}

#[test]
fn impure_and_stray_paths_and_loose_ends_are_found() {
    let impure = |path: &str| impurity(&path.split("::").map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(impure("tokio::spawn"), Some("tokio"));
    assert_eq!(impure("std::fs"), Some("the outside world"));
    assert_eq!(impure("std::time::Instant::now"), Some("a clock"));
    assert_eq!(impure("std::time::SystemTime"), Some("a clock"));
    assert_eq!(impure("rand::random"), Some("randomness"));
    assert_eq!(impure("std::time::Duration::from_secs"), None);
    assert_eq!(impure("now"), None);

    let stray = |file: &str, path: &str| is_stray(file, &path.split("::").map(str::to_owned).collect::<Vec<_>>());
    assert!(stray("src/app/event.rs", "matrix_sdk::Client") && !stray("src/client/sync.rs", "matrix_sdk::Client"));
    assert!(stray("src/app.rs", "ratatui::Frame") && !stray("src/view.rs", "ratatui::Frame"));
    assert!(stray("src/cli.rs", "std::process::exit") && !stray("src/main.rs", "std::process::exit"));

    let code = "fn f() { todo!() }\n#[test] #[ignore = \"slow\"] fn g() {}";
    assert_eq!(loose_ends("src/a.rs", code.parse().unwrap()), ["src/a.rs:2: an ignored test", "src/a.rs:1: todo!"]);
    let sleeping = "fn f() {\n    std::thread::sleep(d)\n}";
    assert_eq!(loose_ends("tests/a.rs", sleeping.parse().unwrap()), ["tests/a.rs:2: a test that sleeps"]);
}
