use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::SafeText;

/// What the rule is called, what comes in, and the one line that comes out.
const LINE: &[(&str, &str, &str)] = &[
    ("plain text is as it was", "Ada Lovelace", "Ada Lovelace"),
    ("accents are as they were", "Zoë Ångström", "Zoë Ångström"),
    ("decomposed accents are as they were", "Zoe\u{308} A\u{30A}ngstro\u{308}m", "Zoe\u{308} A\u{30A}ngstro\u{308}m"),
    ("CJK is as it was", "山田太郎", "山田太郎"),
    ("Hangul jamo that make syllables are as they were", "\u{1112}\u{1161}\u{11AB}", "\u{1112}\u{1161}\u{11AB}"),
    ("pointed Hebrew is as it was", "בְּרֵאשִׁ֖ית", "בְּרֵאשִׁ֖ית"),
    ("Thai is as it was", "น้ำ", "น้ำ"),
    ("ESC becomes a replacement", "\u{1B}[2Jhi", "\u{FFFD}[2Jhi"),
    ("OSC cannot set the title", "\u{1B}]0;owned\u{7}", "\u{FFFD}]0;owned\u{FFFD}"),
    ("OSC 52 cannot set the clipboard", "\u{1B}]52;c;aGk=\u{1B}\\", "\u{FFFD}]52;c;aGk=\u{FFFD}\\"),
    ("DCS cannot be begun", "\u{1B}Pq", "\u{FFFD}Pq"),
    ("C1 CSI and OSC become replacements", "\u{9B}2J\u{9D}0;x\u{9C}", "\u{FFFD}2J\u{FFFD}0;x\u{FFFD}"),
    ("NUL, BEL, BS and DEL become replacements", "a\0b\u{7}c\u{8}d\u{7F}e", "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e"),
    ("a run of controls becomes one replacement", "a\u{1B}\u{1B}\u{9B}\0b", "a\u{FFFD}b"),
    ("each line break becomes a space", "a\nb\rc\u{B}d\u{C}e\u{85}f\u{2028}g\u{2029}h", "a b c d e f g h"),
    ("CRLF becomes one space", "a\r\nb", "a b"),
    ("a tab becomes a space", "a\tb", "a b"),
    ("bidi overrides and embeddings go", "\u{202E}evil\u{202C}\u{202A}\u{202B}\u{202D}", "evil"),
    ("bidi isolates go", "\u{2066}a\u{2067}b\u{2068}c\u{2069}", "abc"),
    ("bidi marks go", "a\u{200E}b\u{200F}c\u{61C}d", "abcd"),
    ("zero-width spaces go", "a\u{200B}b\u{2060}c\u{FEFF}d", "abcd"),
    ("invisible operators go", "a\u{2061}b\u{2062}c\u{2063}d\u{2064}e", "abcde"),
    ("soft hyphens and other ignorables go", "a\u{AD}b\u{180E}c\u{34F}d", "abcd"),
    ("Hangul fillers go", "a\u{115F}b\u{1160}c\u{3164}d\u{FFA0}e", "abcde"),
    ("interlinear annotation goes", "a\u{FFF9}b\u{FFFA}c\u{FFFB}d", "abcd"),
    ("tags outside of a flag go", "a\u{E0001}\u{E0061}\u{E0062}\u{E007F}b", "ab"),
    ("tags on a black flag that do not end go", "🏴\u{E0067}\u{E0062}b", "🏴b"),
    ("a flag of tags is kept", "🏴󠁧󠁢󠁳󠁣󠁴󠁿!", "🏴󠁧󠁢󠁳󠁣󠁴󠁿!"),
    ("a flag of two letters is kept", "🇸🇪🇫🇮", "🇸🇪🇫🇮"),
    ("an emoji family is kept", "👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"),
    ("a couple with skin tones is kept", "👩🏻‍❤️‍💋‍👩🏿", "👩🏻‍❤️‍💋‍👩🏿"),
    ("a keycap is kept", "1️⃣", "1️⃣"),
    ("one variation selector is kept", "❤\u{FE0F}", "❤\u{FE0F}"),
    ("more variation selectors go", "❤\u{FE0F}\u{FE0E}\u{E0100}\u{FE0F}x", "❤\u{FE0F}x"),
    ("a joiner between Latin letters goes", "a\u{200D}b\u{200C}c", "abc"),
    ("a joiner after the last emoji goes", "👩\u{200D}", "👩"),
    ("a joiner before a letter goes", "👩\u{200D}a", "👩a"),
    ("doubled joiners between emoji go", "👩\u{200D}\u{200D}👧", "👩👧"),
    ("the non-joiner of Persian is kept", "می\u{200C}خواهم", "می\u{200C}خواهم"),
    ("the joiner of Sinhala is kept", "ශ්\u{200D}රී", "ශ්\u{200D}රී"),
    ("a second non-joiner goes", "می\u{200C}\u{200C}خواهم", "می\u{200C}خواهم"),
    ("a conjunct of Devanagari is kept", "स्त्री", "स्त्री"),
    ("a leading mark goes", "\u{301}\u{302}a", "a"),
    ("a leading joiner goes", "\u{200D}👩", "👩"),
    (
        "eight marks on a letter are kept",
        "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    ),
    (
        "marks count for each base, also where taking one out joins two",
        "क\u{94D}\u{200D}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{E33}क",
        "क\u{94D}\u{200D}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}क",
    ),
    ("private use becomes a replacement", "a\u{E000}b\u{F0000}c\u{10FFFD}d", "a\u{FFFD}b\u{FFFD}c\u{FFFD}d"),
    ("noncharacters become a replacement", "a\u{FDD0}b\u{FFFE}c\u{1FFFF}d", "a\u{FFFD}b\u{FFFD}c\u{FFFD}d"),
    ("a lone vowel of Hangul, which takes no column, becomes a replacement", "a\u{1161}b", "a\u{FFFD}b"),
    ("only invisible characters leave nothing", "\u{200B}\u{2060}\u{FEFF}\u{202E}", ""),
];

#[test]
fn line_follows_each_rule() {
    for (rule, raw, expected) in LINE {
        assert_eq!(SafeText::line(raw).as_str(), *expected, "{rule}");
        assert_eq!(SafeText::line(expected).as_str(), *expected, "{rule}, twice");
        assert_eq!(SafeText::block(expected).as_str(), *expected, "{rule}, as a block");
    }
}

#[test]
fn block_keeps_line_breaks_and_nothing_else() {
    let table = [
        ("a\nb\r\nc\rd\u{85}e\u{2028}f\u{2029}g\u{B}h\u{C}i", "a\nb\nc\nd\ne\nf\ng\nh\ni"),
        ("\n\na\n", "\n\na\n"),
        ("if:\n\tgo\n", "if:\n    go\n"),
        ("a\n\u{301}b", "a\nb"),
        ("a\u{1B}[31m\nb\u{202E}", "a\u{FFFD}[31m\nb"),
    ];
    for (raw, expected) in table {
        assert_eq!(SafeText::block(raw).as_str(), expected, "{raw:?}");
    }
}

#[test]
fn a_letter_under_a_tower_of_marks_keeps_eight() {
    let tower = format!("x{}y", "\u{336}\u{489}\u{30D}".repeat(100));
    let safe = SafeText::line(&tower);
    assert_eq!(safe.graphemes(true).map(|grapheme| grapheme.chars().count()).collect::<Vec<_>>(), [9, 1]);
}

#[test]
fn a_grapheme_that_never_ends_becomes_a_replacement() {
    let (prepended, family) = ("\u{600}".repeat(50) + "a", "👩\u{200D}".repeat(50) + "👩");
    for endless in ["\u{1100}".repeat(50), prepended, family, "क्".repeat(50) + "क"] {
        assert_eq!(SafeText::line(&format!("{endless} b")).as_str(), "\u{FFFD} b", "{endless}");
    }
}

#[test]
fn a_long_line_is_cut_at_its_limit() {
    let limit = SafeText::LINE_GRAPHEMES;
    assert_eq!(SafeText::line(&"é".repeat(limit)).as_str(), "é".repeat(limit));
    assert_eq!(SafeText::line(&"é".repeat(limit + 1)).as_str(), "é".repeat(limit) + "…");
    let megabyte = "x".repeat(1 << 20);
    assert_eq!(SafeText::line(&megabyte).as_str(), "x".repeat(limit) + "…");
}

#[test]
fn a_megabyte_on_one_line_is_cut_and_says_how_much_is_missing() {
    let safe = SafeText::block(&"x".repeat(1 << 20));
    let (text, notice) = safe.rsplit_once('\n').unwrap();
    assert_eq!(notice, format!("… ({} more bytes)", (1 << 20) - text.len()));
    assert!(text.len() > SafeText::BLOCK_BYTES - 100 && safe.len() <= SafeText::BLOCK_BYTES);
}

#[test]
fn too_many_lines_are_cut_and_say_how_much_is_missing() {
    let limit = SafeText::BLOCK_LINES;
    let just = vec!["ab"; limit].join("\n");
    assert_eq!(SafeText::block(&just).as_str(), just);
    let safe = SafeText::block(&format!("{just}\nab"));
    let lines: Vec<_> = safe.split('\n').collect();
    assert_eq!(lines.len(), limit);
    assert_eq!(lines[limit - 2..], ["ab", "… (6 more bytes)"]);
}

#[test]
fn lines_are_those_of_the_block() {
    assert_eq!(SafeText::lines("a\r\n\nb"), [SafeText::line("a"), SafeText::default(), SafeText::line("b")]);
    assert_eq!(SafeText::lines(""), [SafeText::default()]);
}

#[test]
fn a_blank_name_is_no_name() {
    let or_id = |name: &str| SafeText::line(name).or(SafeText::line("@bob:example.org"));
    assert_eq!(or_id("Bob").as_str(), "Bob");
    for blank in ["", "   ", "\u{200B}\u{3164}", "\u{3000}\u{A0}"] {
        assert_eq!(or_id(blank).as_str(), "@bob:example.org", "{blank:?}");
    }
}

#[test]
fn padding_counts_as_for_any_string() {
    assert_eq!(format!("[{:<5}]", SafeText::line("ab")), "[ab   ]");
}

/// Characters that have broken terminals, and ones that join with their neighbours; the latter in
/// bulk.
fn nasty() -> impl Strategy<Value = String> {
    let picked = proptest::sample::select(vec![
        "\u{1B}",
        "\u{9B}",
        "\0",
        "\r",
        "\n",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\u{202E}",
        "\u{200B}",
        "\u{200C}",
        "\u{200D}",
        "\u{FE0F}",
        "\u{FE0E}",
        "\u{E0100}",
        "\u{E0067}",
        "\u{E0062}",
        "\u{E007F}",
        "🏴",
        "👩",
        "👧",
        "❤",
        "🏻",
        "🇸",
        "🇪",
        "\u{301}",
        "\u{489}",
        "\u{903}",
        "क",
        "्",
        "म",
        "ی",
        "\u{64E}",
        "\u{600}",
        "\u{110BD}",
        "\u{1100}",
        "\u{1161}",
        "\u{11A8}",
        "가",
        "\u{115F}",
        "\u{FFFD}",
        "\u{E000}",
        "\u{FFFF}",
        "…",
        "a",
        " ",
        "山",
        "\u{2E3B}",
        "\u{D4E}",
        "\u{1F1E6}",
        "\u{E33}",
        "\u{17D2}",
        "\u{1780}",
    ]);
    let piece = prop_oneof![
        4 => (picked, 1..30_usize).prop_map(|(c, n)| c.repeat(n)),
        4 => proptest::sample::select(vec!["👩\u{200D}👧", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\u{1100}\u{200D}", "\u{600}\u{FE0F}", "क्\u{200D}"])
            .prop_flat_map(|s| (1..20_usize).prop_map(move |n| s.repeat(n))),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Says what is forbidden in terms of its own, not by asking the code under test.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c,
            '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{AD}' | '\u{180E}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E001F}' | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..)
}

fn assert_safe(safe: &str) {
    assert!(!safe.contains(is_forbidden), "{safe:?}");
    for line in safe.split('\n') {
        for grapheme in line.graphemes(true) {
            assert!((1..=4).contains(&grapheme.width()), "{} columns: {grapheme:?}", grapheme.width());
            assert!(grapheme.chars().count() <= 16 && grapheme.len() <= 64, "{grapheme:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_line_is_safe_bounded_and_stays_the_same(raw in nasty()) {
        let safe = SafeText::line(&raw);
        assert_safe(&safe);
        prop_assert!(!safe.contains('\n'));
        prop_assert!(safe.graphemes(true).count() <= SafeText::LINE_GRAPHEMES + 1);
        prop_assert_eq!(&SafeText::line(&safe), &safe);
    }

    #[test]
    fn any_block_is_safe_bounded_and_stays_the_same(raw in nasty()) {
        let safe = SafeText::block(&raw);
        assert_safe(&safe);
        prop_assert!(safe.len() <= SafeText::BLOCK_BYTES && safe.split('\n').count() <= SafeText::BLOCK_LINES);
        prop_assert_eq!(&SafeText::block(&safe), &safe);
    }

    #[test]
    fn any_string_at_all_is_safe(raw in any::<String>()) {
        let safe = SafeText::line(&raw);
        assert_safe(&safe);
        prop_assert_eq!(&SafeText::line(&safe), &safe);
    }
}
