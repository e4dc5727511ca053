//! The people of an own message that went to many, in the inspector.
//!
//! They may be thousands, so they stand on disk, and one page of them is here. 'Who lacks it?' is
//! what people want to know, so that is what is shown first. A page is asked for when the inspector
//! shows a message that has one; it stays as it was then, whatever news come in, so that nothing
//! jumps while it is read.

use crate::model::{PeopleFilter, PeoplePage, UserId};

/// Which of them are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Whom of them.
    pub filter: PeopleFilter,
    /// The last person of each page before this one.
    pub(super) before: Vec<UserId>,
    pub(super) asked: bool,
    /// Those on this page; `None` until they are there.
    pub page: Option<PeoplePage>,
}

impl People {
    /// The others, from the first page on.
    pub(super) fn switched(&self) -> Self {
        let filter = match self.filter {
            PeopleFilter::Missing => PeopleFilter::Everybody,
            PeopleFilter::Everybody => PeopleFilter::Missing,
        };
        Self { filter, ..Self::default() }
    }

    /// The next page, if there is one.
    pub(super) fn next(&self) -> Option<Self> {
        let last = self.page.as_ref().filter(|page| page.more)?.people.last()?.user_id.clone();
        let before = self.before.iter().cloned().chain([last]).collect();
        Some(Self { filter: self.filter, before, ..Self::default() })
    }

    /// The page before, if there is one.
    pub(super) fn previous(&self) -> Option<Self> {
        let (_, before) = self.before.split_last()?;
        Some(Self { filter: self.filter, before: before.to_vec(), ..Self::default() })
    }

    /// The number of this page, from 1 on.
    pub fn number(&self) -> usize {
        self.before.len() + 1
    }

    /// How many pages there are, as far as that is known: people come and go between two pages.
    pub fn pages(&self) -> usize {
        let Some(page) = &self.page else { return self.number() };
        page.all.div_ceil(PeoplePage::MOST).max(self.number() + usize::from(page.more))
    }
}
