//! What a person typed, as the content of a message: Markdown, and text where it looks like HTML.
//!
//! **Problem.** In Markdown, HTML is HTML: `Vec<String>` would be sent as a tag, and read as `Vec`
//! by everybody.
//!
//! **How.** Every `<` and `&` that could begin HTML is replaced by a character that the text has
//! not before Markdown is carried out, and becomes the entity afterwards. What stands in is
//! punctuation, as they are, so that Markdown takes what is around it for the same. The address of
//! a page in angle brackets stays a link.

use std::borrow::Cow;

use matrix_sdk::ruma::events::room::message::{
    EmoteMessageEventContent, FormattedBody, MessageType, TextMessageEventContent,
};

/// Unicode's 'Supplemental Punctuation', of which hardly anybody types one.
const STAND_INS: std::ops::RangeInclusive<char> = '\u{2E00}'..='\u{2E4F}';

/// A message.
pub(super) fn text(typed: &str) -> MessageType {
    let mut content = TextMessageEventContent::plain(typed);
    content.formatted = formatted(typed);
    MessageType::Text(content)
}

/// What is said by `/me`.
pub(super) fn emote(typed: &str) -> MessageType {
    let mut content = EmoteMessageEventContent::plain(typed);
    content.formatted = formatted(typed);
    MessageType::Emote(content)
}

/// The text as HTML; none where there is no Markdown in it.
fn formatted(typed: &str) -> Option<FormattedBody> {
    let mut free = STAND_INS.filter(|c| !typed.contains(*c));
    // Whoever types all of them has written no Markdown.
    let (less, and) = (free.next()?, free.next()?);
    let shielded = shield(typed, less, and);
    let mut formatted = FormattedBody::markdown(&*shielded)?;
    for (stand_in, entity, in_address) in [(less, "&lt;", "%3C"), (and, "&amp;", "&amp;")] {
        let mut bytes = [0; 4];
        let encoded = stand_in.encode_utf8(&mut bytes).bytes();
        let encoded = encoded.fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"));
        formatted.body = formatted.body.replace(&encoded, in_address).replace(stand_in, entity);
    }
    Some(formatted)
}

/// The text with other characters in place of what could begin HTML. What is behind a backslash
/// cannot.
fn shield(typed: &str, less: char, and: char) -> Cow<'_, str> {
    if !typed.contains(['<', '&']) {
        return typed.into();
    }
    let mut shielded = String::with_capacity(typed.len() + 16);
    let mut escaped = false;
    for (at, c) in typed.char_indices() {
        shielded.push(match c {
            '<' if !escaped && !is_page(&typed[at + 1..]) => less,
            '&' if !escaped => and,
            c => c,
        });
        escaped = c == '\\' && !escaped;
    }
    shielded.into()
}

/// Whether the address of a page follows, and the bracket that closes it.
fn is_page(rest: &str) -> bool {
    let address = rest.find(|c: char| matches!(c, '<' | '>') || c.is_whitespace()).map(|end| rest.split_at(end));
    address.is_some_and(|(address, after)| {
        after.starts_with('>') && (address.starts_with("https://") || address.starts_with("http://"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{client::content::message_body, model::Body};

    fn html(typed: &str) -> Option<String> {
        formatted(typed).map(|formatted| formatted.body)
    }

    /// As it is read here.
    fn read(typed: &str) -> String {
        let Body::Text(lines) = message_body(&text(typed)) else { panic!("a text is a text") };
        let lines = lines.iter().map(|line| line.spans.iter().map(|span| &*span.text).collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn html_is_text() {
        for typed in [
            "Vec<String>",
            "a <head> of <b>x</b>",
            "<style>p { color: red }</style> seen",
            "x <!-- y --> z",
            "<script>",
            "AT&amp;T &lt;b&gt; &nbsp; &#60;",
            "1 < 2 && 3 > 2",
            "<details><summary>a</summary></details>",
            "<mx-reply>a",
            "<https://a b>",
            "<![CDATA[x]]> <?php y ?> <!DOCTYPE z>",
        ] {
            assert_eq!((html(typed), read(typed)), (None, typed.to_owned()), "{typed}");
        }
    }

    #[test]
    fn markdown_still_works_around_it() {
        for (typed, expected) in [
            ("*Vec<String>*", "<em>Vec&lt;String&gt;</em>"),
            ("**a** <b>c</b> & &lt;", "<strong>a</strong> &lt;b&gt;c&lt;/b&gt; &amp; &amp;lt;"),
            ("`Vec<&str>`", "<code>Vec&lt;&amp;str&gt;</code>"),
            ("a\n\n<div>\n\nb", "<p>a</p>\n<p>&lt;div&gt;</p>\n<p>b</p>\n"),
            ("```\n<p>&\n```", "<pre><code>&lt;p&gt;&amp;\n</code></pre>\n"),
            ("[a](https://b.c/?d=1&e=2)", "<a href=\"https://b.c/?d=1&amp;e=2\">a</a>"),
            ("<https://b.c/?d>", "<a href=\"https://b.c/?d\">https://b.c/?d</a>"),
            (r"\<b> \\<b> \&lt;", r"&lt;b&gt; \&lt;b&gt; &amp;lt;"),
            ("> a<b", "<blockquote>\n<p>a&lt;b</p>\n</blockquote>\n"),
            ("*<b>*x", "none"),
        ] {
            assert_eq!(html(typed).unwrap_or_else(|| "none".to_owned()).replace("<br />\n", "\n"), expected, "{typed}");
        }
        assert_eq!(html("*all* ⸀ are <b>"), Some("<em>all</em> ⸀ are &lt;b&gt;".to_owned()));
        let all: String = STAND_INS.collect();
        assert_eq!(html(&format!("*{all}* <b>")), None);
    }

    proptest! {
        #[test]
        fn no_tag_is_anybodys_but_markdowns(typed in "[<>&/!a-c \\\\;\"=\n-]{0,24}") {
            let html = html(&typed).unwrap_or_default();
            for tag in html.split('<').skip(1) {
                let name = tag.trim_start_matches('/');
                let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
                let known = ["p", "br", "h1", "h2", "ul", "li", "hr", "blockquote", "pre", "code"];
                prop_assert!(known.contains(&name), "{html}");
            }
        }
    }
}
