//! `formatted_body` (`org.matrix.custom.html`) as styled lines.
//!
//! **Problem.** The HTML comes from strangers: it may be broken, nested thousands of levels deep,
//! or mean to look like something it is not. A terminal shows lines of text with a few attributes.
//!
//! **Why this way.** No tree is built. html5ever's tokenizer knows the hard part of HTML (entities,
//! attributes, comments, malformed tags); its tokens go straight onto a [`RenderedText`], as ink
//! from a pen. So the work is linear (but for one tag of thousands of attributes, which html5ever
//! compares with each other, and which the SDK has taken off), the memory is that of the result,
//! and no depth of nesting can exhaust the stack. Elements nested deeper than [`MAX_DEPTH`] (the
//! limit that the spec gives, 'm.room.message msgtypes') keep their text and lose their meaning.
//!
//! **How.** The page keeps the open elements with what they inherit ([`Context`]), the runs of the
//! line being written and the lines that are done. Each run is made safe when its line is done.

use std::cell::RefCell;

use html5ever::{
    LocalName,
    buffer_queue::BufferQueue,
    tendril::StrTendril,
    tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind},
};

use super::link::{is_address, is_said_by};
use crate::model::{Line, SafeText, Span, SpanStyle, Url};

const MAX_DEPTH: usize = 100;
const MAX_INDENT: usize = 40;
const RULE: &str = "────────";

/// The lines of the HTML, or nothing when it shows nothing or is larger than an event can be.
pub(super) fn lines(html: &str) -> Option<Vec<Line>> {
    if html.len() > SafeText::BLOCK_BYTES {
        return None;
    }
    let tokenizer = Tokenizer::new(Pen::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    // The pen never asks the tokenizer to pause, so one call takes all of the input.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let lines = tokenizer.sink.0.into_inner().finish();
    let shows_something = lines.iter().flat_map(|line| &line.spans).any(|span| !span.text.trim().is_empty());
    shows_something.then_some(lines)
}

#[derive(Default)]
struct Pen(RefCell<RenderedText>);

impl TokenSink for Pen {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => page.text(&text),
            Token::NullCharacterToken => page.text("\u{FFFD}"),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                page.start(&tag);
                match &*tag.name {
                    "script" | "style" => return TokenSinkResult::RawData(RawKind::Rawtext),
                    "title" | "textarea" => return TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => {}
                }
            }
            Token::TagToken(tag) => page.end(&tag.name),
            Token::DoctypeToken(_) | Token::CommentToken(_) | Token::EOFToken | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// What text is written in: its style, and where it leads.
#[derive(Clone, Default, PartialEq)]
struct Ink {
    style: SpanStyle,
    link: Option<Url>,
}

/// What an element hands down to what is in it.
#[derive(Clone, Default)]
struct Context {
    ink: Ink,
    quote: u8,
    indent: usize,
    pre: bool,
    hidden: bool,
}

struct Open {
    tag: LocalName,
    context: Context,
    list: Option<List>,
}

enum List {
    Bullets,
    /// The number of the next item.
    Numbers(u32),
}

struct Run {
    ink: Ink,
    text: String,
}

struct Link {
    /// As it was written.
    address: String,
    url: Url,
    text: String,
}

#[derive(Default)]
struct RenderedText {
    lines: Vec<Line>,
    /// The line being written; empty until something shows on it.
    runs: Vec<Run>,
    /// White space that shows if something follows it on the line.
    space: Option<Ink>,
    /// Bullet or number of an item of which nothing is written yet.
    marker: Option<String>,
    /// A paragraph has ended: leave a line blank before the next.
    gap: bool,
    open: Vec<Open>,
    /// Open elements that were nested too deep to be kept.
    beyond: usize,
    link: Option<Link>,
}

impl RenderedText {
    fn context(&self) -> Context {
        self.open.last().map(|open| open.context.clone()).unwrap_or_default()
    }

    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if is_block(name) {
            if self.open.last().is_some_and(|open| &*open.tag == "p") {
                self.close_to(self.open.len() - 1);
            }
            self.end_block();
        }
        match name {
            "br" => return self.break_line(),
            "hr" => {
                self.write(RULE, &self.context().ink);
                return self.end_block();
            }
            "img" => {
                let alternative = attribute(tag, "alt").or_else(|| attribute(tag, "title"));
                return self.text(alternative.unwrap_or("image"));
            }
            "area" | "base" | "col" | "embed" | "input" | "link" | "meta" | "param" | "source" | "track" | "wbr" => {
                return;
            }
            "a" => self.close_open("a"),
            "li" => self.close_item(),
            "td" | "th" if !self.runs.is_empty() => self.write(" | ", &Ink::default()),
            _ => {}
        }
        if self.open.len() >= MAX_DEPTH {
            self.beyond += 1;
            return;
        }
        let mut context = self.context();
        let mut list = None;
        match name {
            "b" | "strong" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "th" | "summary" => {
                context.ink.style.bold = true;
            }
            "i" | "em" => context.ink.style.italic = true,
            "u" | "ins" => context.ink.style.underline = true,
            "s" | "del" | "strike" => context.ink.style.strike = true,
            "code" | "tt" => context.ink.style.code = true,
            "pre" => (context.ink.style.code, context.pre) = (true, true),
            "blockquote" => context.quote = context.quote.saturating_add(1),
            "ul" => list = Some(List::Bullets),
            "ol" => {
                let first = attribute(tag, "start").and_then(|first| first.parse().ok()).unwrap_or(1);
                list = Some(List::Numbers(first));
            }
            "li" => {
                let marker = self.next_marker();
                context.indent = (context.indent + marker.chars().count()).min(MAX_INDENT);
                if !context.hidden {
                    self.marker = Some(marker);
                }
            }
            "a" => context.ink.link = self.begin_link(tag),
            "span" => context.ink.style.spoiler |= self.begin_spoiler(tag),
            "mx-reply" | "script" | "style" | "head" | "title" | "template" => context.hidden = true,
            _ => {}
        }
        self.open.push(Open { tag: tag.name.clone(), context, list });
    }

    fn end(&mut self, name: &LocalName) {
        if self.beyond > 0 {
            self.beyond -= 1;
        } else if let Some(at) = self.open.iter().rposition(|open| open.tag == *name) {
            self.close_to(at);
        }
    }

    /// Closes the open elements from the innermost out, the one at this place included.
    fn close_to(&mut self, at: usize) {
        while self.open.len() > at
            && let Some(tag) = self.open.last().map(|open| open.tag.clone())
        {
            let (name, hidden) = (&*tag, self.context().hidden);
            if name == "li" && self.marker.is_some() {
                self.break_line();
            }
            if is_block(name) {
                self.end_block();
            }
            self.open.pop();
            match name {
                "a" => self.end_link(),
                "p" | "pre" | "ul" | "ol" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if !hidden => {
                    self.gap |= self.context().indent == 0;
                }
                _ => {}
            }
        }
    }

    fn close_open(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|open| &*open.tag == name) {
            self.close_to(at);
        }
    }

    /// An item ends where the next one of its list begins.
    fn close_item(&mut self) {
        let inner = self.open.iter().rposition(|open| open.list.is_some() || &*open.tag == "li");
        if let Some(at) = inner.filter(|&at| self.open[at].list.is_none()) {
            self.close_to(at);
        }
    }

    fn next_marker(&mut self) -> String {
        match self.open.iter_mut().rev().find_map(|open| open.list.as_mut()) {
            Some(List::Numbers(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(List::Bullets) | None => "• ".to_owned(),
        }
    }

    /// Whether the element hides its text; a reason why is said before it.
    fn begin_spoiler(&mut self, tag: &Tag) -> bool {
        let reason = attribute(tag, "data-mx-spoiler");
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.text(&format!("({reason}) "));
        }
        reason.is_some()
    }

    /// Where the element leads, if that may be a link.
    fn begin_link(&mut self, tag: &Tag) -> Option<Url> {
        let address = attribute(tag, "href").map(str::trim).filter(|address| is_address(address));
        self.link =
            address.map(|address| Link { address: address.to_owned(), url: Url::new(address), text: String::new() });
        self.link.as_ref().map(|link| link.url.clone())
    }

    /// Puts the address after a link whose text does not say it, so that a link cannot pretend to
    /// lead elsewhere.
    fn end_link(&mut self) {
        let Some(Link { address, url, text }) = self.link.take() else { return };
        if !is_said_by(&address, text.trim()) {
            let ink = self.context().ink;
            self.text(" (");
            self.write(&address, &Ink { link: Some(url), ..ink.clone() });
            self.write(")", &ink);
        }
    }

    fn text(&mut self, text: &str) {
        let context = self.context();
        if context.hidden {
            return;
        }
        if let Some(link) = &mut self.link {
            link.text.push_str(text);
        }
        if context.pre {
            for (number, piece) in text.split('\n').enumerate() {
                if number > 0 {
                    self.break_line();
                }
                self.write(piece, &context.ink);
            }
            return;
        }
        for (number, word) in text.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if number > 0 && !self.runs.is_empty() {
                self.space.get_or_insert_with(|| context.ink.clone());
            }
            self.write(word, &context.ink);
        }
    }

    /// Writes on the line, after its bullet or indent where it is the first to do so.
    fn write(&mut self, text: &str, ink: &Ink) {
        if text.is_empty() || self.context().hidden {
            return;
        }
        if self.runs.is_empty() {
            self.begin_line();
        }
        if let Some(ink) = self.space.take() {
            self.run(&ink).push(' ');
        }
        self.run(ink).push_str(text);
    }

    fn begin_line(&mut self) {
        let indent = self.context().indent;
        let prefix = match self.marker.take() {
            Some(marker) => " ".repeat(indent.saturating_sub(marker.chars().count())) + marker.as_str(),
            None => " ".repeat(indent),
        };
        if !prefix.is_empty() {
            self.runs.push(Run { ink: Ink::default(), text: prefix });
        }
    }

    fn run(&mut self, ink: &Ink) -> &mut String {
        if self.runs.last().is_none_or(|run| run.ink != *ink) {
            self.runs.push(Run { ink: ink.clone(), text: String::new() });
        }
        let last = self.runs.len() - 1;
        &mut self.runs[last].text
    }

    fn end_block(&mut self) {
        if !self.runs.is_empty() {
            self.break_line();
        }
    }

    /// Ends the line, also an empty one.
    fn break_line(&mut self) {
        let Context { quote, hidden, .. } = self.context();
        if hidden {
            return;
        }
        self.space = None;
        if self.lines.len() >= SafeText::BLOCK_LINES {
            self.runs.clear();
            return;
        }
        if self.marker.is_some() {
            self.begin_line();
        }
        if std::mem::take(&mut self.gap) && self.lines.last().is_some_and(|last| last.quote == quote) {
            self.lines.push(Line { quote, spans: Vec::new() });
        }
        let mut line = Line { quote, spans: Vec::new() };
        for run in self.runs.drain(..) {
            for (number, text) in SafeText::lines(&run.text).into_iter().enumerate() {
                if number > 0 {
                    self.lines.push(std::mem::replace(&mut line, Line { quote, spans: Vec::new() }));
                }
                line.spans.push(Span { text, style: run.ink.style, link: run.ink.link.clone() });
            }
        }
        self.lines.push(line);
    }

    fn finish(mut self) -> Vec<Line> {
        self.beyond = 0;
        self.close_to(0);
        self.end_block();
        while self.lines.last().is_some_and(|line| line.spans.iter().all(|span| span.text.trim().is_empty())) {
            self.lines.pop();
        }
        if self.lines.len() >= SafeText::BLOCK_LINES {
            self.lines.truncate(SafeText::BLOCK_LINES - 1);
            self.lines.push(Line::plain(SafeText::line("…")));
        }
        self.lines
    }
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

/// Elements that stand on lines of their own.
fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "pre"
            | "blockquote"
            | "ul"
            | "ol"
            | "li"
            | "hr"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "table"
            | "caption"
            | "thead"
            | "tbody"
            | "tr"
            | "details"
            | "summary"
    )
}
