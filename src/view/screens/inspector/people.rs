//! Who has a message that went to many, and who does not: a page of them.

use ratatui::text::{Line, Span};

use super::Report;
use crate::{
    app::screens::inspector::People,
    model::{Delivery, PeopleFilter, PersonDelivery, ReadBy},
    view::{paint, theme::Role, words},
};

impl Report<'_> {
    pub(super) fn people(&mut self, people: &[PersonDelivery], readers: &[ReadBy], delivery: &Delivery) {
        for person in people {
            self.rows.push(Line::default());
            self.person(person, readers, delivery.sent);
        }
    }

    /// A page of those who are shown; where nobody can say who has it, those who answered last.
    pub(super) fn many(&mut self, shown: &People, readers: &[ReadBy], delivery: &Delivery) {
        self.rows.push(Line::default());
        if !self.many {
            let why = "Nobody can be listed: the homeserver has counted the receipts for this message, and does not say whose \
                       they are.";
            self.sentence(why, Role::Text);
            if !delivery.people.is_empty() {
                self.rows.push(Line::default());
                self.sentence("Of those who answered last:", Role::Dim);
            }
            return self.people(&delivery.people, readers, delivery);
        }
        self.rows.push(self.whose(shown));
        let Some(page) = &shown.page else {
            return self.sentence(&format!("Looking it up{}", self.theme.symbols().busy), Role::Dim);
        };
        if page.people.is_empty() {
            self.rows.push(Line::default());
            self.sentence(nobody(shown, delivery), Role::Text);
        }
        self.people(&page.people, readers, delivery);
    }

    /// `Not on every device  1230 people at 14:03    page 2 of 25`.
    fn whose(&self, shown: &People) -> Line<'static> {
        let dim = self.theme.role(Role::Dim);
        let heading = match shown.filter {
            PeopleFilter::Missing => "Not on every device",
            PeopleFilter::Everybody => "Everybody",
        };
        let count = shown.page.as_ref().map(|page| {
            let people = words::count(u64::try_from(page.all).unwrap_or(u64::MAX), "person", "people");
            format!("  {people} at {}", words::clock(page.at, &self.app.time_zone))
        });
        let page = match (shown.number(), shown.pages(), &shown.page) {
            (_, 1, _) => String::new(),
            (number, _, None) => format!("page {number}"),
            (number, pages, Some(_)) => format!("page {number} of {pages}"),
        };
        let left =
            vec![Span::styled(heading, self.theme.role(Role::Heading)), Span::styled(count.unwrap_or_default(), dim)];
        paint::both(left, vec![Span::styled(page, dim)], self.columns, self.theme)
    }
}

/// Why there is nobody to be seen.
fn nobody(shown: &People, delivery: &Delivery) -> &'static str {
    match (shown.filter, delivery.tally.map(|tally| tally.expected)) {
        _ if shown.number() > 1 => "Nobody more.",
        (PeopleFilter::Missing, Some(1..)) => "Everybody has it, on every device.",
        (PeopleFilter::Missing, _) => "There is no device that was given its key.",
        (PeopleFilter::Everybody, _) => "It was not recorded who was to get it.",
    }
}
