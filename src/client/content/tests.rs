//! What strangers write, and what is made of it.

mod media;

use matrix_sdk::ruma::{
    events::{
        StateEventContentChange,
        room::{
            encryption::RoomEncryptionEventContent,
            join_rules::{JoinRule, RoomJoinRulesEventContent},
            message::MessageType,
            name::RoomNameEventContent,
            topic::RoomTopicEventContent,
        },
    },
    serde::Raw,
};
use matrix_sdk_base::crypto::types::events::UtdCause;
use matrix_sdk_ui::timeline::{AnyOtherStateEventContentChange as State, MembershipChange};
use serde_json::{Value, json};

use super::{html, membership, message_body, profile, shows_nothing, state, undecryptable};
use crate::model::{Body, Line, SafeText, Span, Unsupported};

/// As the SDK gets it from the wire.
fn said(content: &Value) -> Body {
    message_body(
        &Raw::<MessageType>::from_json(serde_json::value::to_raw_value(content).unwrap()).deserialize().unwrap(),
    )
}

/// Lines as text that shows their styles: `> ` quoted, `*` bold, `/` italic, `_` underlined, `~`
/// struck, `` ` `` code, `@` link, `|` spoiler.
fn shown(lines: &[Line]) -> Vec<String> {
    let span = |span: &Span| {
        let style = span.style;
        let marks = [
            (style.bold, '*'),
            (style.italic, '/'),
            (style.underline, '_'),
            (style.strike, '~'),
            (style.code, '`'),
            (span.link.is_some(), '@'),
            (style.spoiler, '|'),
        ];
        let marks: String = marks.into_iter().filter(|(on, _)| *on).map(|(_, mark)| mark).collect();
        format!("{marks}{}{}", span.text, marks.chars().rev().collect::<String>())
    };
    lines
        .iter()
        .map(|line| {
            let spans: String = line.spans.iter().map(span).collect();
            "> ".repeat(line.quote.into()) + spans.as_str()
        })
        .collect()
}

const HTML: &[(&str, &str, &[&str])] = &[
    ("text", "hello", &["hello"]),
    ("strong and b", "a <strong>b</strong> <b>c</b>", &["a *b* *c*"]),
    ("em and i", "<em>a</em> <i>b</i>", &["/a/ /b/"]),
    ("u, ins, s, del", "<u>a</u><ins>b</ins><s>c</s><del>d</del>", &["_ab_~cd~"]),
    ("styles nest", "<b>a<i>b</i></b>c", &["*a**/b/*c"]),
    ("styles end out of order", "<b>a<i>b</b>c</i>d", &["*a**/b/*cd"]),
    ("code", "run <code>ls -l</code>", &["run `ls -l`"]),
    ("white space collapses", " a \n\t b  <b> c</b>  ", &["a b *c*"]),
    ("non-breaking spaces do not", "a&nbsp;&nbsp;b", &["a\u{A0}\u{A0}b"]),
    ("entities", "&lt;b&gt; &amp; &#x263A;", &["<b> & ☺"]),
    (
        "pre keeps its lines",
        "<pre><code>fn a() {\n    b\n\n}\n</code></pre>c",
        &["`fn a() {`", "`    b`", "", "`}`", "", "c"],
    ),
    ("br", "a<br>b<br/>c", &["a", "b", "c"]),
    ("two br leave a blank line", "a<br><br>b", &["a", "", "b"]),
    ("paragraphs stand apart", "<p>a</p>\n<p>b</p>", &["a", "", "b"]),
    ("a paragraph ends where the next begins", "<p>a<p>b", &["a", "", "b"]),
    ("headings are bold", "<h1>a</h1><p>b</p>", &["*a*", "", "b"]),
    ("blockquote", "<blockquote><p>a</p><p>b</p></blockquote>c", &["> a", "> ", "> b", "c"]),
    ("quotes nest", "<blockquote>a<blockquote>b</blockquote></blockquote>", &["> a", "> > b"]),
    ("bullets", "<ul><li>a</li><li>b</li></ul>", &["• a", "• b"]),
    ("items need no end", "<ul><li>a<li>b</ul>c", &["• a", "• b", "", "c"]),
    ("numbers", "<ol><li>a</li><li>b</li></ol>", &["1. a", "2. b"]),
    ("numbers from a start", "<ol start=\"9\"><li>a</li><li>b</li></ol>", &["9. a", "10. b"]),
    ("lists nest", "<ul><li>a<ol><li>b</li></ol></li><li>c</li></ul>", &["• a", "  1. b", "• c"]),
    ("lines of an item are indented", "<ul><li>a<br>b</li></ul>", &["• a", "  b"]),
    ("a paragraph in an item", "<ul><li><p>a</p></li><li><p>b</p></li></ul>", &["• a", "• b"]),
    ("an empty item", "<ul><li></li><li>b</li></ul>", &["• ", "• b"]),
    ("hr", "a<hr>b", &["a", "────────", "b"]),
    ("a link says where it leads", "<a href=\"https://example.org/x\">here</a>", &["@here@ (@https://example.org/x@)"]),
    ("a link that is its text", "<a href=\"https://example.org/\">https://example.org</a>", &["@https://example.org@"]),
    ("a link without its scheme", "<a href=\"https://example.org\">example.org</a>", &["@example.org@"]),
    (
        "a link that lies",
        "<a href=\"https://evil.example\">https://bank.example</a>",
        &["@https://bank.example@ (@https://evil.example@)"],
    ),
    ("a link of no text", "a <a href=\"https://example.org\"></a>", &["a (@https://example.org@)"]),
    ("a mention", "<a href=\"https://matrix.to/#/@bob:example.org\">Bob</a>: hi", &["@Bob@: hi"]),
    ("a script is no link", "<a href=\"javascript:alert(1)\">x</a>", &["x"]),
    ("spoiler", "<span data-mx-spoiler>it ends</span>", &["|it ends|"]),
    ("spoiler with a reason", "<span data-mx-spoiler=\"film\">it ends</span>", &["(film) |it ends|"]),
    ("a picture shows its alternative", "<img src=\"mxc://a/b\" alt=\":cat:\"> hi", &[":cat: hi"]),
    ("mx-reply goes", "<mx-reply><blockquote>old<br>words</blockquote></mx-reply>new", &["new"]),
    ("what stands around a hidden block is kept", "a<mx-reply><p>b</p></mx-reply>c", &["ac"]),
    ("a hidden list has no bullets", "<mx-reply><ul><li>b</ul></mx-reply>c", &["c"]),
    ("script and style go", "<style>p{}</style><script>x<b</script>a", &["a"]),
    ("comments go", "a<!-- b -->c", &["ac"]),
    ("tables", "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", &["*a* | *b*", "1 | 2"]),
    ("unknown elements keep their text", "<blink>a</blink><x-y z>b</x-y>", &["ab"]),
    ("unopened ends are nothing", "a</b></p></ul>b", &["ab"]),
    ("escape sequences", "a&#27;]0;x&#7;<b>\u{1B}[2J</b>", &["a\u{FFFD}]0;x\u{FFFD}*\u{FFFD}[2J*"]),
    ("bidi and invisible characters", "<b>\u{202E}a</b>\u{200B}&#x202E;", &["*a*"]),
    ("a line separator", "a\u{2028}b", &["a", "b"]),
    ("bidi in an address", "<a href=\"https://a/\u{202E}gpj\">x</a>", &["@x@ (@https://a/gpj@)"]),
];

#[test]
fn html_becomes_styled_lines() {
    for (case, html, expected) in HTML {
        assert_eq!(shown(&html::lines(html).unwrap_or_default()), *expected, "{case}");
    }
}

#[test]
fn links_keep_where_they_lead() {
    let table: &[(&str, &[(&str, &str)])] = &[
        (
            "<a href=\" https://example.org/x \">he<b>re</b></a>",
            &[
                ("he", "https://example.org/x"),
                ("re", "https://example.org/x"),
                ("https://example.org/x", "https://example.org/x"),
            ],
        ),
        (
            "<a href=\"https://example.org/a\">a</a><a href=\"https://example.org/b\">b</a>",
            &[
                ("a", "https://example.org/a"),
                ("https://example.org/a", "https://example.org/a"),
                ("b", "https://example.org/b"),
                ("https://example.org/b", "https://example.org/b"),
            ],
        ),
        (
            "<a href=\"https://matrix.to/#/@bob:example.org\">Bob</a>",
            &[("Bob", "https://matrix.to/#/@bob:example.org")],
        ),
        (
            "<a href=\"matrix:u/bob:example.org\">Bob</a><a href=\"matrix:u/ada:example.org\">Ada</a>",
            &[("Bob", "matrix:u/bob:example.org"), ("Ada", "matrix:u/ada:example.org")],
        ),
        ("<a href=\"mailto:bob@example.org\">bob@example.org</a>", &[("bob@example.org", "mailto:bob@example.org")]),
        (
            "<a href=\"https://a/\u{202E}\u{1B}]8;;&#7;\">https://a/\u{202E}\u{1B}]8;;&#7;</a>",
            &[("https://a/\u{FFFD}]8;;\u{FFFD}", "https://a/%E2%80%AE%1B]8;;%07")],
        ),
        ("<a href=\"javascript:alert(1)\">x</a><a href=\"java\nscript:x\">y</a><a href=\"/x\">z</a><a>w</a>", &[]),
    ];
    for (html, expected) in table {
        let lines = html::lines(html).unwrap_or_default();
        let spans = lines.iter().flat_map(|line| &line.spans);
        let found: Vec<_> = spans.filter_map(|span| Some((&*span.text, span.link.as_ref()?.as_str()))).collect();
        assert_eq!(found, *expected, "{html}");
    }
}

#[test]
fn html_that_shows_nothing_falls_back_to_the_plain_body() {
    for formatted in ["", "<p></p>", "<b> </b><br>", "<mx-reply>x</mx-reply>", "\u{200B}", "<!-- x"] {
        let body = said(&json!({
            "msgtype": "m.text", "body": "plain", "format": "org.matrix.custom.html", "formatted_body": formatted,
        }));
        assert_eq!(body, Body::Text(vec![Line::plain(SafeText::line("plain"))]), "{formatted:?}");
    }
}

#[test]
fn html_that_shows_less_than_the_plain_body_falls_back_to_it() {
    let long = "what everybody is to read, in so many words that none of them can be missed";
    let shows_html = |plain: &str, html: &str| {
        let formatted = json!({
            "msgtype": "m.text", "body": plain, "format": "org.matrix.custom.html", "formatted_body": html,
        });
        let (formatted, plain) = (said(&formatted), said(&json!({ "msgtype": "m.text", "body": plain })));
        assert!(formatted == plain || formatted == Body::Text(html::lines(html).unwrap_or_default()));
        formatted != plain
    };
    for (plain, html) in [
        ("Vec<String>", "Vec<String>"),
        ("Map<K, V> of all", "Map<K, V> of all"),
        ("a *b* <head> c", "a <em>b</em> <head> c"),
        ("<style>x</style> <b>seen</b>", "<style>x</style> <b>seen</b>"),
        ("a <!-- hidden --> b", "a <!-- hidden --> b"),
        ("the <p> tag, *always*", "the <p> tag, <em>always</em>"),
        ("AT&nbsp;T", "<i>AT&nbsp;T</i>"),
        (long, "<p>what</p><template>everybody is to read"),
        (long, "no"),
    ] {
        assert!(!shows_html(plain, html), "{html}");
    }
    for (plain, html) in [
        ("**a** _b_ `c<d`", "<strong>a</strong> <em>b</em> <code>c&lt;d</code>"),
        ("<b>a</b> and <font color=\"red\">b</font>", "<b>a</b> and <font color=\"red\">b</font>"),
        ("- a\n- b & c", "<ul><li>a</li><li>b &amp; c</li></ul>"),
        ("```rust\na<b\n```", "<pre><code class=\"language-rust\">a&lt;b\n</code></pre>"),
        ("[here](https://example.org/a?b=1&c=2)", "<a href=\"https://example.org/a?b=1&amp;c=2\">here</a>"),
        ("@bob:example.org: <b>hi</b>", "<a href=\"https://matrix.to/#/@bob:example.org\">Bob</a>: <b>hi</b>"),
        (":cat: <3", "🐈 &lt;3"),
        ("> <@a:b> words that were said before, at length\n\n*yes*", "<em>yes</em>"),
        ("Bob [Spoiler](mxc://example.org/abcdefghijklmnopqrstuvwxyz)", "Bob <span data-mx-spoiler>it</span>"),
        ("line\nline <br> line", "line<br>line <br> line"),
    ] {
        assert!(shows_html(plain, html), "{plain}");
    }
}

#[test]
fn other_formats_fall_back_to_the_plain_body() {
    let body = said(&json!({ "msgtype": "m.text", "body": "a\nb\n", "format": "x", "formatted_body": "<b>c</b>" }));
    assert_eq!(body, Body::Text(vec![Line::plain(SafeText::line("a")), Line::plain(SafeText::line("b"))]));
}

#[test]
fn hostile_html_is_bounded() {
    let kibi = 1024;
    let nested = |open: &str| format!("{}x", open.repeat(60 * kibi / open.len()));
    for html in [
        nested("<b>"),
        nested("<div>"),
        nested("<blockquote>"),
        nested("<ul><li>"),
        nested("<a href=https://x>"),
        nested("</p>"),
        nested("<p>"),
        nested("<br>"),
        nested("<td>"),
        nested("&"),
        nested("<"),
    ] {
        let lines = html::lines(&html).unwrap_or_default();
        assert!(lines.len() <= SafeText::BLOCK_LINES, "{} lines of {}", lines.len(), &html[..20]);
        assert!(lines.iter().all(|line| line.quote <= 100));
        let bytes: usize = lines.iter().flat_map(|line| &line.spans).map(|span| span.text.len()).sum();
        assert!(bytes <= 4 * html.len(), "{bytes} bytes of {}", &html[..20]);
    }
    assert_eq!(html::lines(&nested("<b>")).map(|lines| shown(&lines)), Some(vec!["*x*".to_owned()]));
    assert_eq!(html::lines(&"x".repeat(65 * kibi)), None, "larger than an event can be");
}

#[test]
fn text_emotes_and_notices_are_told_apart() {
    let line = vec![Line::plain(SafeText::line("waves"))];
    assert_eq!(said(&json!({ "msgtype": "m.text", "body": "waves" })), Body::Text(line.clone()));
    assert_eq!(said(&json!({ "msgtype": "m.emote", "body": "waves" })), Body::Emote(line.clone()));
    assert_eq!(said(&json!({ "msgtype": "m.notice", "body": "waves" })), Body::Notice(line));
}

#[test]
fn unknown_messages_show_their_body_or_are_named() {
    let unsupported = |kind: &str, body: &[&str]| {
        let body = body.iter().map(|line| Line::plain(SafeText::line(line))).collect();
        Unsupported { kind: SafeText::line(kind), body }
    };
    let body = said(&json!({ "msgtype": "org.example.dance", "body": "x\ny", "formatted_body": "<b>z</b>" }));
    assert_eq!(body.preview().as_str(), "x");
    assert_eq!(body, Body::Unsupported(unsupported("org.example.dance", &["x", "y"])));
    let body = said(&json!({ "msgtype": "org.example.\u{1B}dance", "body": " " }));
    assert_eq!(body.preview().as_str(), "unsupported message: org.example.\u{FFFD}dance");
    assert_eq!(body, Body::Unsupported(unsupported("org.example.\u{FFFD}dance", &[])));
}

#[test]
fn a_preview_is_the_first_line_that_shows_something() {
    let body = said(&json!({ "msgtype": "m.text", "body": "\n \n  hello\nthere" }));
    assert_eq!(body.preview().as_str(), "hello");
    assert_eq!(
        said(&json!({ "msgtype": "m.file", "body": "a.txt", "url": "mxc://a/b" })).preview().as_str(),
        "file: a.txt"
    );
    assert_eq!(Body::Redacted.preview().as_str(), "removed");
}

#[test]
fn each_reason_why_a_message_cannot_be_read_is_its_own() {
    let causes = [
        UtdCause::Unknown,
        UtdCause::SentBeforeWeJoined,
        UtdCause::VerificationViolation,
        UtdCause::UnsignedDevice,
        UtdCause::UnknownDevice,
        UtdCause::HistoricalMessageAndBackupIsDisabled,
        UtdCause::HistoricalMessageAndDeviceIsUnverified,
        UtdCause::WithheldForUnverifiedOrInsecureDevice,
        UtdCause::WithheldBySender,
    ];
    let sentences: std::collections::BTreeSet<_> = causes.into_iter().map(undecryptable).collect();
    assert_eq!(sentences.len(), causes.len());
}

#[test]
fn memberships_are_sentences() {
    let (ada, bob) = (SafeText::line("Ada"), SafeText::line("Bob"));
    let table = [
        (MembershipChange::Joined, &bob, None, "Bob joined"),
        (MembershipChange::Left, &bob, Some("tired"), "Bob left: tired"),
        (MembershipChange::Invited, &ada, None, "Bob was invited by Ada"),
        (MembershipChange::Kicked, &ada, Some("\u{1B}[2Jspam\n"), "Bob was removed by Ada: \u{FFFD}[2Jspam"),
        (MembershipChange::Banned, &ada, Some(" "), "Bob was banned by Ada"),
        (MembershipChange::InvitationRevoked, &ada, None, "Ada withdrew the invitation of Bob"),
        (MembershipChange::KnockAccepted, &ada, None, "Ada accepted Bob's request to join"),
    ];
    for (change, who, reason, expected) in table {
        assert_eq!(membership(Some(change), who, &bob, reason).as_str(), expected);
    }
}

#[test]
fn profile_changes_are_sentences() {
    let bob = SafeText::line("Bob");
    let table = [
        (Some((Some("Bob"), Some("R\u{202E}ob"))), false, "Bob is now called Rob"),
        (Some((None, Some("Rob"))), true, "Bob is now called Rob and changed their picture"),
        (Some((Some("Bob"), None)), false, "Bob no longer has a display name"),
        (None, true, "Bob changed their picture"),
    ];
    for (name, picture, expected) in table {
        assert_eq!(profile(&bob, name, picture).as_str(), expected);
    }
}

#[test]
fn room_changes_are_sentences() {
    let ada = SafeText::line("Ada");
    let name = |name: &str| {
        let content = RoomNameEventContent::new(name.to_owned());
        State::RoomName(StateEventContentChange::Original { content, prev_content: None })
    };
    let topic = RoomTopicEventContent::new("be\u{7}\nnice".to_owned());
    let rules = RoomJoinRulesEventContent::new(JoinRule::Public);
    let encryption = RoomEncryptionEventContent::with_recommended_defaults();
    let table = [
        (name("Tea\u{202E}"), "Ada named the room \"Tea\""),
        (name(""), "Ada removed the room's name"),
        (
            State::RoomTopic(StateEventContentChange::Original { content: topic, prev_content: None }),
            "Ada set the topic: be\u{FFFD} nice",
        ),
        (
            State::RoomJoinRules(StateEventContentChange::Original { content: rules, prev_content: None }),
            "Ada made the room public: anyone may join",
        ),
        (
            State::RoomEncryption(StateEventContentChange::Original { content: encryption, prev_content: None }),
            "Ada turned encryption on",
        ),
        (State::_Custom { event_type: "org.example.\u{1B}x".to_owned() }, "Ada set org.example.\u{FFFD}x"),
    ];
    for (change, expected) in table {
        assert_eq!(state(&ada, &change).as_str(), expected);
    }
}

#[test]
fn p4_a_message_of_which_nothing_is_seen_shows_nothing() {
    let shows = |body: &str, html: Option<&str>| {
        let content = match html {
            Some(html) => json!({
                "msgtype": "m.text", "body": body, "format": "org.matrix.custom.html", "formatted_body": html,
            }),
            None => json!({ "msgtype": "m.notice", "body": body }),
        };
        let message = Raw::<MessageType>::from_json(serde_json::value::to_raw_value(&content).unwrap());
        !shows_nothing(&message.deserialize().unwrap())
    };
    for blank in ["", " \t\n", "\u{200b}\u{2060}", "\u{2800}", "\u{3164}", "\u{1}\u{e000}", "\u{301}"] {
        assert!(!shows(blank, None), "{blank:?}");
        assert!(!shows(blank, Some(&format!("<p>{blank}</p><br>"))), "{blank:?}");
        assert!(shows(blank, Some("<p>hi</p>")), "{blank:?}");
    }
    for seen in ["a", "\u{200b}.", "é", "👍", "\u{2801}"] {
        assert!(shows(seen, None), "{seen:?}");
    }
    assert!(shows("hi", Some(" ")), "what the HTML does not show, the body does");
}
