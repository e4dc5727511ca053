//! One of many: a short list, and a field in which the others are searched.

use super::{Act, Behaviour, Flow, Hint, Scope, Scroll};
use crate::{
    app::{
        App,
        command::{Command, Refusal},
        composer::Composer,
        effect::Effect,
        layout::ScreenFacts,
    },
    input::Context,
    model::{SafeText, Timestamp},
};

pub(super) const COMMANDS: &[Command] = &[];

/// The list and its field.
#[derive(Clone, Debug, PartialEq)]
pub struct Picker {
    /// What is picked.
    pub title: &'static str,
    /// What is searched for.
    pub field: Composer,
    /// The row that is selected, of those [found](Self::found).
    pub selected: usize,
    choices: Vec<Choice>,
    /// So many stand there as long as nothing is searched for.
    short: usize,
    scope: Scope,
    drawn: Scroll,
    /// What was searched for when a row was selected.
    sought: String,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What it is.
    pub text: SafeText,
    /// What else is said of it.
    pub detail: SafeText,
    /// What is done when it is picked.
    pub effect: Effect,
}

impl Picker {
    /// A list, the first `short` of which stand there before anything is typed.
    pub fn new(title: &'static str, scope: Scope, choices: Vec<Choice>, short: usize) -> Self {
        Self {
            title,
            field: Composer::default(),
            selected: 0,
            choices,
            short,
            scope,
            drawn: Scroll::default(),
            sought: String::new(),
        }
    }

    /// Those that have every word that is typed, in whatever case; those first that begin with what
    /// is typed.
    pub fn found(&self) -> Vec<&Choice> {
        let typed = self.field.text().trim().to_lowercase();
        if typed.is_empty() {
            return self.choices.iter().take(self.short).collect();
        }
        let has = |choice: &&Choice| {
            let (text, detail) = (choice.text.to_lowercase(), choice.detail.to_lowercase());
            typed.split_whitespace().all(|word| text.contains(word) || detail.contains(word))
        };
        let begins = |choice: &&Choice| {
            [&choice.text, &choice.detail].iter().any(|text| text.to_lowercase().starts_with(&typed))
        };
        let (mut first, others): (Vec<_>, Vec<_>) = self.choices.iter().filter(has).partition(begins);
        first.extend(others);
        first
    }

    fn move_selection(&mut self, rows: isize) {
        let last = self.found().len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
    }
}

impl Behaviour for Picker {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn contexts(&self, _app: &App) -> &'static [Context] {
        &[Context::Picker, Context::Edit, Context::Global]
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![("list-choose", "take"), ("list-down", "down"), ("list-up", "up"), ("popup-close", "close")]
    }

    fn act(&mut self, act: Act, _app: &mut App, _now: Timestamp, out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        match act {
            Act::Close => return Ok(Flow::Close),
            Act::Choose => {
                let found = self.found();
                let chosen = found.get(self.selected).ok_or("Nothing is found by this. Type something else.")?;
                out.push(chosen.effect.clone());
                return Ok(Flow::Close);
            }
            Act::Up | Act::Down | Act::PageUp | Act::PageDown | Act::Previous | Act::Next => {
                self.move_selection(self.drawn.rows(act));
            }
        }
        Ok(Flow::Stay)
    }

    fn settle(&mut self, _app: &App, _out: &mut Vec<Effect>) -> Flow {
        // Whoever types something else looks for something else.
        if self.sought != self.field.text() {
            self.field.text().clone_into(&mut self.sought);
            self.selected = 0;
        }
        Flow::Stay
    }

    fn field(&mut self) -> Option<&mut Composer> {
        Some(&mut self.field)
    }

    fn on_drawn(&mut self, facts: ScreenFacts) {
        self.drawn.on_drawn(facts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::Told,
        client::request::{Request, RoomsRequest},
    };

    fn join(room: &str) -> Effect {
        Effect::from(RoomsRequest::Join(room.to_owned()))
    }

    fn told() -> Told {
        let choice = |(text, detail): (&str, &str)| Choice {
            text: SafeText::line(text),
            detail: SafeText::line(detail),
            effect: join(text),
        };
        let all = [("Lake", "by the water"), ("Train", "at night"), ("Night lake", "far"), ("Alps", "a lake too")];
        let mut told = Told::with_rooms();
        told.app.screens.push(Picker::new("Where to", Scope::Account, all.map(choice).to_vec(), 2));
        told
    }

    fn found(told: &Told) -> Vec<String> {
        let Some(super::super::Screen::Picker(picker)) = told.app.screens.top() else { panic!("no picker") };
        picker.found().iter().map(|choice| choice.text.to_string()).collect()
    }

    #[test]
    fn a_short_list_stands_there_and_all_are_searched() {
        let mut told = told();
        assert_eq!(found(&told), ["Lake", "Train"]);
        told.types("LAKE");
        assert_eq!(found(&told), ["Lake", "Night lake", "Alps"], "those that begin with it come first");
        told.types(" far");
        assert_eq!(found(&told), ["Night lake"]);
        told.types("q");
        assert_eq!(told.keys("Enter"), []);
        assert_eq!(told.status(), "Nothing is found by this. Type something else.");
        told.keys("Esc");
        assert!(told.app.screens.is_empty());
    }

    #[test]
    fn a_row_is_selected_until_something_else_is_typed() {
        let mut told = told();
        told.keys("Down Down Down");
        assert_eq!(told.keys("Enter"), [join("Train")], "it ends with the list");
        let mut told = self::told();
        told.keys("Down");
        told.types("n");
        let effects = told.keys("Enter");
        assert_eq!(effects, [Effect::Client(Request::Rooms(RoomsRequest::Join("Night lake".to_owned())))]);
        assert!(told.app.screens.is_empty());
    }
}
