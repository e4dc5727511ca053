//! Whether the HTML of a message shows clearly less than its plain text does.
//!
//! **Problem.** Many clients send what was typed as HTML, so `Vec<String>` shows as `Vec`; in other
//! HTML a comment or a hidden element swallows the rest. The plain text has it all. But the two
//! never are the same: there is Markdown in the plain text, and addresses stand elsewhere.
//!
//! **How.** What both say is compared, without punctuation, addresses and the names of people. The
//! HTML shows less where it shows less than half of a text, or where the plain text has HTML in it
//! and the HTML shows all of it but something; formatting that is begun and ended is not something.

use crate::model::Line;

/// Less than half of so much is clearly less.
const MUCH: usize = 40;
/// What begins an address.
const SCHEMES: [&str; 4] = ["https://", "http://", "mxc://", "matrix:"];
/// Formatting that is seen without its name.
const FORMATS: [&str; 38] = [
    "a",
    "b",
    "blockquote",
    "br",
    "caption",
    "code",
    "del",
    "details",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "ins",
    "li",
    "mx-reply",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "td",
    "th",
    "tr",
    "u",
    "ul",
];

/// See the module.
pub(super) fn shows_less(lines: &[Line], plain: &str) -> bool {
    let shown: String = lines.iter().flat_map(|line| line.spans.iter().map(|span| &*span.text).chain(["\n"])).collect();
    let (shown, said) = (spoken(&shown), spoken(&said(plain)));
    let Some(missing) = said.len().checked_sub(shown.len()).filter(|missing| *missing > 0) else { return false };
    if said.len() >= MUCH && missing > shown.len() {
        return true;
    }
    let mut rest = said.iter();
    plain.contains(['<', '&']) && shown.iter().all(|c| rest.any(|d| c == d))
}

/// What of the plain text a person is to see: not what it quotes of the message that it answers,
/// not the language of code, not formatting.
fn said(plain: &str) -> String {
    let answers = plain.starts_with("> <") || plain.starts_with("> * <");
    let lines = plain.lines().skip_while(|line| answers && line.starts_with('>'));
    let lines = lines.filter(|line| !line.trim_start().starts_with("```"));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    for name in FORMATS {
        if !matches!(name, "br" | "hr") && !text.contains(&format!("</{name}>")) {
            continue;
        }
        for end in [format!("</{name}>"), format!("<{name}>"), format!("<{name}/>"), format!("<{name} />")] {
            text = text.replace(&end, " ");
        }
        // With attributes.
        let begin = format!("<{name} ");
        while let Some((at, end)) = text.find(&begin).and_then(|at| Some((at, at + text[at..].find('>')?))) {
            text.replace_range(at..=end, " ");
        }
    }
    text
}

/// The letters, digits and symbols of a text, without addresses and people.
fn spoken(text: &str) -> Vec<char> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | '"'));
    let words = words.filter(|word| {
        let is_person = word.starts_with('@') && word.contains(':');
        !is_person && !SCHEMES.iter().any(|scheme| word.starts_with(scheme))
    });
    let is_spoken = |c: &char| c.is_alphanumeric() || !(c.is_ascii() || matches!(c, '•' | '─' | '…' | '\u{A0}'));
    words.flat_map(|word| word.chars().flat_map(char::to_lowercase)).filter(is_spoken).collect()
}
