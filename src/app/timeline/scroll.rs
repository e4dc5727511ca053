//! Selecting and scrolling in the timeline.
//!
//! The app does not know how many rows an item takes, so it moves by what was drawn: a page up puts
//! the row that is now the topmost at the lower edge. As soon as that is drawn, the anchor becomes
//! the row that came to stand at the top, and stays there whatever comes in above or below. At the
//! top, it waits for older messages.

use super::{Anchor, Edge, ItemPosition, OpenTimeline};
use crate::{
    app::layout::{Row, TimelineFacts},
    model::{Pagination, TimelineItem, TimelineItemKind},
};

/// Beyond the end of any item: its last row.
const LAST_ROW: usize = usize::MAX;

impl OpenTimeline {
    /// What of the timeline is on screen now.
    pub(in crate::app) fn on_drawn(&mut self, facts: Option<TimelineFacts>) {
        self.drawn = facts.filter(|drawn| drawn.first <= drawn.last && drawn.last.item < self.items.len());
        self.drawn_is_current = true;
        let Some(drawn) = self.drawn else { return };
        if drawn.at_end {
            self.unseen_below = 0;
        }
        if drawn.at_end && self.selection.is_none() {
            self.anchor = Anchor::Newest;
        } else if self.anchor != Anchor::Newest && !self.waits_above(drawn) {
            self.anchor_at(drawn.first, Edge::Top);
        }
    }

    /// A page up from the top waits for older messages, which may be on their way.
    fn waits_above(&self, drawn: TimelineFacts) -> bool {
        let is_top = |place: &ItemPosition| !self.items.iter().take(place.index).any(is_selectable);
        drawn.first == Row::default()
            && matches!(&self.anchor, Anchor::Row { place, edge: Edge::Bottom, .. } if is_top(place))
    }

    /// Selects the item above.
    pub(in crate::app) fn select_up(&mut self) {
        let below = match (&self.selection, self.drawn) {
            (Some(place), _) => place.index,
            (None, Some(drawn)) => drawn.last.item + 1,
            (None, None) => self.items.len(),
        };
        match self.items.iter().take(below).rposition(is_selectable) {
            Some(index) => self.select(index),
            None => self.scroll_to_top(),
        }
    }

    /// Selects the item below; below the last one stands nothing selected, and the newest messages
    /// are followed.
    pub(in crate::app) fn select_down(&mut self) {
        let from = match (&self.selection, self.drawn) {
            (Some(place), _) => place.index + 1,
            (None, Some(drawn)) if self.anchor != Anchor::Newest => drawn.first.item,
            (None, _) => return self.follow_newest(),
        };
        match self.selectable_from(from) {
            Some(index) => self.select(index),
            None => self.follow_newest(),
        }
    }

    /// Selects the newest message, if nothing is selected.
    pub(in crate::app) fn select_something(&mut self) {
        if self.selection.is_none() {
            self.select_up();
        }
    }

    /// Scrolls up by a screen; a selection goes along.
    pub(in crate::app) fn page_up(&mut self) {
        self.ask_for_older();
        let Some(drawn) = self.drawn else { return };
        self.anchor_at(drawn.first, Edge::Bottom);
        if self.selection.is_some() {
            let above = self.items.iter().take(drawn.first.item + 1).rposition(is_selectable);
            let index = above.or_else(|| self.selectable_from(drawn.first.item));
            self.selection = index.and_then(|index| self.place(index));
        }
    }

    /// Scrolls down by a screen; a selection goes along.
    pub(in crate::app) fn page_down(&mut self) {
        let Some(drawn) = self.drawn.filter(|drawn| !drawn.at_end) else { return self.follow_newest() };
        self.anchor_at(drawn.last, Edge::Top);
        if self.selection.is_some() {
            self.selection = self.selectable_from(drawn.last.item).and_then(|index| self.place(index));
        }
    }

    /// Goes to the oldest item that is there.
    pub(in crate::app) fn select_oldest(&mut self) {
        self.selection = self.selectable_from(0).and_then(|index| self.place(index));
        self.scroll_to_top();
    }

    /// Goes to the newest message and stays with whatever is newest.
    pub(in crate::app) fn follow_newest(&mut self) {
        self.goes_elsewhere();
        self.selection = None;
        self.anchor = Anchor::Newest;
        self.unseen_below = 0;
    }

    /// Nothing is selected, and the newest messages are on screen as they come.
    pub(in crate::app) fn follows_newest(&self) -> bool {
        self.selection.is_none() && self.anchor == Anchor::Newest
    }

    /// The user wants to see what is further up. While a fetch is under way, that is being done
    /// already.
    fn ask_for_older(&mut self) {
        self.may_paginate |= self.pagination != Pagination::Loading;
    }

    fn scroll_to_top(&mut self) {
        self.ask_for_older();
        self.anchor_at(Row::default(), Edge::Top);
    }

    pub(super) fn select(&mut self, index: usize) {
        self.selection = self.place(index);
        match self.drawn {
            Some(drawn) if Row { item: index, row: 0 } < drawn.first => {
                self.anchor_at(Row { item: index, row: 0 }, Edge::Top);
            }
            Some(drawn) if index < drawn.last.item || (index == drawn.last.item && drawn.at_end) => {
                // It is on screen: nothing moves, also when news come in.
                if self.anchor == Anchor::Newest {
                    self.anchor_at(drawn.first, Edge::Top);
                }
            }
            _ => self.anchor_at(Row { item: index, row: LAST_ROW }, Edge::Bottom),
        }
        if index == 0 {
            self.ask_for_older();
        }
    }

    fn anchor_at(&mut self, at: Row, edge: Edge) {
        self.anchor = self.place(at.item).map_or(Anchor::Newest, |place| Anchor::Row { place, row: at.row, edge });
    }

    fn selectable_from(&self, from: usize) -> Option<usize> {
        let below = self.items.iter().enumerate().skip(from);
        below.into_iter().find(|(_, item)| is_selectable(item)).map(|(index, _)| index)
    }
}

/// Messages and notices; the lines between them are not.
pub(super) fn is_selectable(item: &TimelineItem) -> bool {
    matches!(item.kind, TimelineItemKind::Message(_) | TimelineItemKind::Notice { .. })
}
