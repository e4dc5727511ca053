//! The rules of [`super::SafeText`], in two passes.
//!
//! [`filter`] looks at one character at a time: controls become `U+FFFD` (so that people see
//! something was there), bidi controls and invisible characters go, line breaks and tabs become
//! what the caller wants. It stops as soon as enough is kept, so a megabyte on one line costs no
//! more than the limit.
//!
//! What is left may still only be shown in company: a joiner between letters that join, a variation
//! selector after its base, a tag in a flag, a few marks on a letter. [`settle`] looks at one
//! grapheme at a time, twice. [`keep_company`] takes out what has no business where it stands, and
//! so may bring neighbours together; then what does not keep the limits ([`fits`]) becomes
//! `U+FFFD`, which joins with nothing. In that order neither pass makes new work for the other,
//! which is why the whole is idempotent.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::SafeText;

/// Stands for what must not be printed.
const REPLACEMENT: char = '\u{FFFD}';
const ELLIPSIS: char = '…';

/// Limits of one grapheme. The longest emoji family has 11 characters and 41 bytes, a conjunct of
/// Devanagari is up to 4 columns wide.
const GRAPHEME_CHARS: usize = 16;
const GRAPHEME_BYTES: usize = 64;
const GRAPHEME_COLUMNS: usize = 4;
/// Combining marks on one base; Vietnamese needs 2, pointed Hebrew with cantillation 4.
const GRAPHEME_MARKS: usize = 8;

const LINE_BYTES: usize = SafeText::LINE_GRAPHEMES * GRAPHEME_BYTES;
/// Room for the last line of a block that was cut.
const NOTICE_BYTES: usize = 64;

pub(super) fn line(raw: &str) -> String {
    let (filtered, rest) = filter(raw, &Rules { newline: " ", tab: " ", bytes: LINE_BYTES, lines: usize::MAX });
    let mut text = String::with_capacity(filtered.len());
    settle(&filtered, &mut text);
    let end = text.grapheme_indices(true).nth(SafeText::LINE_GRAPHEMES).map(|(at, _)| at);
    if end.is_some() || rest > 0 {
        text.truncate(end.unwrap_or(text.len()));
        end_in_ellipsis(&mut text);
    }
    text
}

pub(super) fn block(raw: &str) -> String {
    let (bytes, lines) = (SafeText::BLOCK_BYTES, SafeText::BLOCK_LINES);
    let (mut filtered, mut rest) = filter(raw, &Rules { newline: "\n", tab: "    ", bytes, lines });
    if rest > 0 {
        (filtered, rest) =
            filter(raw, &Rules { newline: "\n", tab: "    ", bytes: bytes - NOTICE_BYTES, lines: lines - 1 });
    }
    let mut text = String::with_capacity(filtered.len() + NOTICE_BYTES);
    for (number, line) in filtered.split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
        }
        settle(line, &mut text);
    }
    if rest > 0 {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let notice = format!("{ELLIPSIS} ({rest} more bytes)");
        text.push_str(&notice);
    }
    text
}

/// Cuts so that the `…` is a grapheme of its own: a prepended mark at the end would take it in.
fn end_in_ellipsis(text: &mut String) {
    while text.chars().next_back().is_some_and(|last| is_one_grapheme(last, ELLIPSIS)) {
        text.pop();
    }
    text.push(ELLIPSIS);
}

struct Rules {
    newline: &'static str,
    tab: &'static str,
    bytes: usize,
    lines: usize,
}

/// What may be kept of `raw` within the limits, and how many bytes of it were not looked at.
fn filter(raw: &str, rules: &Rules) -> (String, usize) {
    let mut kept = String::with_capacity(raw.len().min(rules.bytes));
    let mut lines = 1;
    let mut chars = raw.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let mut buffer = [0; 4];
        let piece = match c {
            '\r' | '\n' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                lines += 1;
                rules.newline
            }
            '\t' => rules.tab,
            c if is_invisible(c) => "",
            c if is_unprintable(c) => REPLACEMENT.encode_utf8(&mut buffer),
            c => c.encode_utf8(&mut buffer),
        };
        if kept.len() + piece.len() > rules.bytes || lines > rules.lines {
            return (kept, raw.len() - at);
        }
        if c == '\r' {
            chars.next_if(|&(_, next)| next == '\n');
        }
        kept.push_str(piece);
    }
    (kept, 0)
}

/// Controls, private use and noncharacters: nothing that a font or a terminal could be trusted
/// with.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' | '\u{FDD0}'..='\u{FDEF}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// What shows nothing or moves its neighbours wherever it stands: the default-ignorable characters
/// of Unicode (but joiners, variation selectors and tags, see [`keep_company`]), annotation and
/// format controls.
fn is_invisible(c: char) -> bool {
    matches!(c,
        // bidi controls
        '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        // zero width
        | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{AD}' | '\u{34F}'
        // fillers of Hangul, vowels of Khmer that are not written, selectors of Mongolian
        | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        // interlinear annotation; controls of shorthand, musical and Egyptian writing
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{13430}'..='\u{13440}'
        // plane 14, but tags and variation selectors
        | '\u{E0000}'..='\u{E001F}' | '\u{E0080}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}')
}

/// Appends one line of filtered text.
fn settle(filtered: &str, text: &mut String) {
    if filtered.is_ascii() {
        text.push_str(filtered);
        return;
    }
    let mut company = String::with_capacity(filtered.len());
    for (number, grapheme) in filtered.graphemes(true).enumerate() {
        if number == 0 && grapheme.chars().next().is_some_and(extends) {
            continue; // marks and joiners before any base
        }
        keep_company(grapheme, &mut company);
    }
    let mut replaced = false;
    for grapheme in company.graphemes(true) {
        let fits = fits(grapheme) && grapheme != "\u{FFFD}";
        if fits {
            text.push_str(grapheme);
        } else if !replaced {
            text.push(REPLACEMENT);
        }
        replaced = !fits;
    }
}

/// Appends a grapheme without the joiners, variation selectors and tags that do nothing where they
/// stand, and with at most [`GRAPHEME_MARKS`] marks on a base.
fn keep_company(grapheme: &str, out: &mut String) {
    if grapheme.len() < 3 {
        out.push_str(grapheme);
        return;
    }
    let mut base = None;
    let (mut joined, mut selected, mut marks) = (false, false, 0);
    let mut rest = grapheme.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{200C}' | '\u{200D}' => {
                let letters = base.is_some_and(joins_letters);
                let emoji = c == '\u{200D}' && rest.clone().next().is_some_and(|next| !extends(next));
                if !joined && (letters || emoji) {
                    out.push(c);
                    joined = true;
                }
            }
            '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
                if !selected {
                    out.push(c);
                    selected = true;
                }
            }
            '\u{E0020}'..='\u{E007F}' => {}
            '\u{1F3F4}' => {
                out.push(c);
                let tags = flag_tags(rest.as_str());
                out.push_str(&rest.as_str()[..tags]);
                rest = rest.as_str()[tags..].chars();
                (base, joined, selected, marks) = (Some(c), false, false, 0);
            }
            c if extends(c) => {
                marks += 1;
                if marks <= GRAPHEME_MARKS {
                    out.push(c);
                }
            }
            c => {
                out.push(c);
                (base, joined, selected, marks) = (Some(c), false, false, 0);
            }
        }
    }
}

/// The length of the tags that make a flag of a black flag (UTS #51, ED-14a), or 0: two to six
/// letters or digits and the end tag.
fn flag_tags(after_flag: &str) -> usize {
    let is_letter = |c: &char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
    let letters = after_flag.chars().take_while(is_letter).count();
    let closed = after_flag.chars().nth(letters) == Some('\u{E007F}');
    if (2..=6).contains(&letters) && closed { (letters + 1) * '\u{E007F}'.len_utf8() } else { 0 }
}

/// Whether a grapheme keeps the limits of real scripts, and is seen.
fn fits(grapheme: &str) -> bool {
    grapheme.len() == 1
        || (grapheme.len() <= GRAPHEME_BYTES
            && grapheme.chars().count() <= GRAPHEME_CHARS
            && (1..=GRAPHEME_COLUMNS).contains(&grapheme.width()))
}

/// Continues the grapheme of whatever stands before it: marks, joiners, selectors, tags.
fn extends(c: char) -> bool {
    c > '\u{2FF}' && is_one_grapheme('a', c)
}

fn is_one_grapheme(first: char, second: char) -> bool {
    let mut buffer = [0; 8];
    let length = first.len_utf8();
    first.encode_utf8(&mut buffer);
    second.encode_utf8(&mut buffer[length..]);
    let pair = std::str::from_utf8(&buffer[..length + second.len_utf8()]).unwrap_or_default();
    pair.graphemes(true).nth(1).is_none()
}

/// Letters of scripts in which a joiner or non-joiner changes how a word is written: Arabic and its
/// relatives, the Indic scripts and those of South-East Asia, Mongolian, Adlam.
fn joins_letters(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{DFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{18AF}' | '\u{1A20}'..='\u{1BFF}'
        | '\u{A800}'..='\u{ABFF}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}'
        | '\u{10A00}'..='\u{11FFF}' | '\u{1E900}'..='\u{1E95F}')
}
