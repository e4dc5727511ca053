//! An open timeline, what is selected in it, and where it is scrolled to.
//!
//! A timeline changes under the reader: older messages come in above, new ones below, echoes turn
//! into events. So the selection and the scroll position are [`ItemPosition`]s: an item's key
//! together with its index, kept right by every change. Nothing is looked up by key but after a
//! reset, and a timeline of 100,000 items costs no more than a short one.

mod readers;
mod scroll;
mod seek;

use std::{collections::HashMap, time::Duration};

use self::{readers::Readers, seek::Sought};
use super::{editing::Writing, layout::TimelineFacts};
use crate::model::{
    Body, Delivery, EventId, ItemKey, Message, Pagination, ReadBy, SafeText, TimelineChange, TimelineId, TimelineItem,
    TimelineItemKind, Timestamp, Trace,
};

/// One item of the timeline, wherever it moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemPosition {
    /// Its name.
    pub key: ItemKey,
    /// Where it is now.
    pub index: usize,
}

/// An edge of the timeline's area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The upper one.
    Top,
    /// The lower one.
    Bottom,
}

/// What the timeline is laid out from.
///
/// The view fills the area from the anchored row on. Where that would leave the area empty at one
/// end although there are more items at the other, it moves the content up or down to fill it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// The last row stands at the lower edge: new messages push the others up.
    #[default]
    Newest,
    /// This row stands at this edge.
    Row {
        /// The item.
        place: ItemPosition,
        /// The row in it from its top; beyond its end means its last row.
        row: usize,
        /// The edge.
        edge: Edge,
    },
}

/// An open timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenTimeline {
    /// Which.
    pub id: TimelineId,
    /// Its items, oldest first.
    pub items: Vec<TimelineItem>,
    /// How far back it reaches.
    pub pagination: Pagination,
    /// The selected item, for the actions on messages.
    pub selection: Option<ItemPosition>,
    /// Where it is scrolled to.
    pub anchor: Anchor,
    /// Messages of others that came in below what is on screen.
    pub unseen_below: usize,
    /// What is known about the delivery of own messages.
    pub deliveries: HashMap<EventId, Delivery>,
    /// What others were told to be unreadable and was no message, by when it was sent.
    pub traces: Vec<Trace>,
    /// Who else is typing.
    pub typing: Vec<SafeText>,
    /// What is being written.
    pub writing: Writing,
    /// That this user is typing, as the others were told.
    pub(super) typing_notice: Option<TypingNotice>,
    /// There is an unread line, and it came while nobody looked at the end of the timeline: what
    /// stands below it is news. One that came while the user looked on says nothing, and is not
    /// drawn.
    pub unread_line: bool,
    readers: Readers,
    /// The event that turned encryption on, if the timeline reaches back to it.
    encrypted_from: Option<usize>,
    /// What was drawn last, its indices kept right by every change.
    drawn: Option<TimelineFacts>,
    /// Nothing changed since it was drawn.
    drawn_is_current: bool,
    /// What was looked at when a read receipt was asked for last.
    marked_read: Option<Looked>,
    /// Older messages may be fetched: something came in, or the user asked, since the last fetch
    /// began. So a fetch that fails or brings nothing is not repeated for ever.
    may_paginate: bool,
    sought: Option<Sought>,
    /// From where a reply was followed to what it answers, the last one at the end.
    came_from: Vec<EventId>,
}

impl OpenTimeline {
    /// Older messages are fetched when fewer items than this are above the screen.
    const NEAR_TOP: usize = 5;

    /// One that was just opened.
    pub fn new(id: TimelineId, writing: Writing) -> Self {
        Self {
            id,
            items: Vec::new(),
            pagination: Pagination::Idle,
            selection: None,
            anchor: Anchor::Newest,
            unseen_below: 0,
            deliveries: HashMap::new(),
            traces: Vec::new(),
            typing: Vec::new(),
            writing,
            typing_notice: None,
            unread_line: true,
            readers: Readers::default(),
            encrypted_from: None,
            drawn: None,
            drawn_is_current: false,
            marked_read: None,
            may_paginate: false,
            sought: None,
            came_from: Vec::new(),
        }
    }

    /// The message at this index, if there is one.
    pub fn message(&self, index: usize) -> Option<&Message> {
        self.items.get(index)?.message()
    }

    /// The selected message and its key.
    pub fn selected(&self) -> Option<(&ItemKey, &Message)> {
        let place = self.selection.as_ref()?;
        Some((&place.key, self.message(place.index)?))
    }

    /// The traces of what was sent after the message at this index, and before the next.
    pub fn traces_after(&self, index: usize) -> &[Trace] {
        let at = |item: &TimelineItem| match &item.kind {
            TimelineItemKind::Message(message) => Some(message.at),
            TimelineItemKind::Notice { at, .. } => Some(*at),
            _ => None,
        };
        let Some(from) = self.items.get(index).and_then(at).filter(|_| !self.traces.is_empty()) else { return &[] };
        let until = self.items[index + 1..].iter().find_map(at).unwrap_or(Timestamp::MAX);
        let before = |time: Timestamp| self.traces.partition_point(|trace| trace.sent < time);
        self.traces.get(before(from)..before(until)).unwrap_or_default()
    }

    /// The newest message of somebody else.
    pub(super) fn newest_of_others(&self) -> Option<&ItemKey> {
        let is_it = |item: &&TimelineItem| matches!(&item.kind, TimelineItemKind::Message(message) if !message.own);
        self.items.iter().rev().find(is_it).map(|item| &item.key)
    }

    /// Everyone else who has read the message at this index: whose receipt stands there or below.
    pub fn readers(&self, index: usize) -> Vec<ReadBy> {
        self.readers.of(index)
    }

    /// Whether the message at this index came in the clear although the room was encrypted when it
    /// was sent.
    pub fn came_in_clear(&self, index: usize) -> bool {
        let was_encrypted = self.encrypted_from.is_none_or(|from| from < index);
        was_encrypted && self.message(index).is_some_and(|message| message.in_clear)
    }

    /// Takes over changes, in order. An index that does not exist costs its change and no more.
    /// `watched`: the user can see what is on screen.
    pub(super) fn apply(&mut self, changes: Vec<TimelineChange>, watched: bool) {
        let looking = watched && self.drawn.is_some_and(|drawn| drawn.at_end);
        // An echo that turns into its event may go and come back elsewhere, within the same
        // changes.
        let selected = self.selection.as_ref().map(|place| place.key.clone());
        for change in changes {
            if let TimelineChange::Append(items) = &change {
                self.line_comes(items, looking);
            } else if let TimelineChange::Insert(_, item) = &change {
                self.line_comes(std::slice::from_ref(item), looking);
            }
            match change {
                TimelineChange::Reset(items) => self.reset(items),
                TimelineChange::Append(items) => {
                    for item in items {
                        self.insert(self.items.len(), item, selected.as_ref());
                    }
                }
                TimelineChange::Insert(index, item) if index <= self.items.len() => {
                    self.insert(index, item, selected.as_ref());
                }
                TimelineChange::Set(index, item) => self.set(index, item),
                TimelineChange::Remove(index) if index < self.items.len() => self.remove(index),
                TimelineChange::Truncate(length) => self.truncate(length),
                TimelineChange::Insert(..) | TimelineChange::Remove(_) => {}
            }
        }
        self.drawn = self.drawn.filter(|drawn| drawn.last.item < self.items.len());
        self.drawn_is_current = false;
        self.find_sought();
    }

    fn line_comes(&mut self, items: &[TimelineItem], looking: bool) {
        if items.iter().any(|item| item.kind == TimelineItemKind::UnreadLine) {
            self.unread_line = !looking;
        }
    }

    fn reset(&mut self, items: Vec<TimelineItem>) {
        self.unread_line = true;
        self.items = items;
        self.readers = Readers::default();
        for (index, item) in self.items.iter().enumerate() {
            self.readers.add(index, item);
        }
        self.encrypted_from = self.items.iter().rposition(begins_encryption);
        self.drawn = None;
        self.may_paginate = true;
        // Whatever was known of older messages is gone with them.
        if self.pagination == Pagination::ReachedStart {
            self.pagination = Pagination::Idle;
        }
        let find = |key: &ItemKey| self.items.iter().position(|item| item.key == *key);
        self.selection = self.selection.take().and_then(|ItemPosition { key, .. }| {
            let index = find(&key)?;
            Some(ItemPosition { key, index })
        });
        if let Anchor::Row { place, .. } = &mut self.anchor {
            match find(&place.key) {
                Some(index) => place.index = index,
                None => self.anchor = Anchor::Newest,
            }
        }
    }

    fn insert(&mut self, index: usize, item: TimelineItem, selected: Option<&ItemKey>) {
        self.leave_line(index);
        let from_others = matches!(&item.kind, TimelineItemKind::Message(message) if !message.own);
        let below = self.drawn.is_none_or(|drawn| index > drawn.last.item);
        if from_others && below && self.anchor != Anchor::Newest {
            self.unseen_below += 1;
        }
        self.move_places(|at| {
            if *at >= index {
                *at += 1;
            }
        });
        if selected == Some(&item.key) {
            self.selection = Some(ItemPosition { key: item.key.clone(), index });
        }
        if begins_encryption(&item) {
            self.encrypted_from = Some(index);
        }
        self.readers.inserted(index);
        self.readers.add(index, &item);
        self.items.insert(index, item);
        self.may_paginate = true;
    }

    /// A line stays above what comes in directly below it, such as older messages of the day; the
    /// user stays with what they are reading.
    fn leave_line(&mut self, index: usize) {
        let Anchor::Row { place, edge, .. } = &self.anchor else { return };
        let between = self.items.get(place.index..index).unwrap_or_default();
        if !between.is_empty()
            && !between.iter().any(scroll::is_selectable)
            && let Some(below) = self.place(index).filter(|below| below.index == index)
        {
            self.anchor = Anchor::Row { place: below, row: 0, edge: *edge };
        }
    }

    fn set(&mut self, index: usize, item: TimelineItem) {
        if let Some(old) = self.items.get_mut(index) {
            self.readers.add(index, &item);
            *old = item;
            self.settle_places();
        }
    }

    fn remove(&mut self, index: usize) {
        self.items.remove(index);
        self.encrypted_from = self.encrypted_from.filter(|from| *from != index);
        self.readers.removed(index);
        self.move_places(|at| {
            if *at > index {
                *at -= 1;
            }
        });
        self.settle_places();
    }

    fn truncate(&mut self, length: usize) {
        self.items.truncate(length);
        self.encrypted_from = self.encrypted_from.filter(|from| *from < length);
        self.readers.truncated(length);
        self.settle_places();
    }

    /// Moves every index that is remembered.
    fn move_places(&mut self, shift: impl Fn(&mut usize)) {
        let anchored = match &mut self.anchor {
            Anchor::Row { place, .. } => Some(place),
            Anchor::Newest => None,
        };
        for place in self.selection.iter_mut().chain(anchored) {
            shift(&mut place.index);
        }
        self.encrypted_from.iter_mut().for_each(&shift);
        for row in self.drawn.iter_mut().flat_map(|drawn| [&mut drawn.first, &mut drawn.last]) {
            shift(&mut row.item);
        }
    }

    /// Makes every place name the item that is there now, or the last one if there is none so far
    /// down.
    fn settle_places(&mut self) {
        self.selection = self.selection.take().and_then(|place| self.place(place.index));
        if let Anchor::Row { place, row, edge } = &self.anchor {
            let (row, edge) = (*row, *edge);
            let settled = self.place(place.index);
            self.anchor = settled.map_or(Anchor::Newest, |place| Anchor::Row { place, row, edge });
        }
    }

    /// The item at this index, or the last one.
    fn place(&self, index: usize) -> Option<ItemPosition> {
        let index = index.min(self.items.len().checked_sub(1)?);
        self.items.get(index).map(|item| ItemPosition { key: item.key.clone(), index })
    }

    /// Whether older messages are to be fetched now: the top is near or a message is sought, and
    /// nothing says that it would be in vain.
    pub(super) fn wants_older(&self) -> bool {
        let near_top = match self.drawn {
            Some(drawn) => self.drawn_is_current && drawn.first.item < Self::NEAR_TOP,
            None => self.items.is_empty(),
        };
        (near_top || self.sought.is_some()) && self.may_paginate && self.pagination == Pagination::Idle
    }

    /// Older messages were asked for.
    pub(super) fn older_are_coming(&mut self) {
        self.pagination = Pagination::Loading;
        self.may_paginate = false;
    }

    /// What was asked for may have been lost with the connection: it is to be asked for again.
    pub(super) fn try_again(&mut self) {
        self.may_paginate = true;
        self.marked_read = None;
    }

    /// It is opened once more, in a new session; nothing of the old one is under way.
    pub(super) fn reopened(&mut self) {
        self.pagination = Pagination::Idle;
        self.typing.clear();
        self.may_paginate = false;
        self.marked_read = None;
    }

    /// What is looked at, if the newest message of somebody else is on screen and no read receipt
    /// was asked for since.
    pub(super) fn unmarked(&self) -> Option<Looked> {
        let drawn = self.drawn.filter(|drawn| self.drawn_is_current && drawn.at_end)?;
        let on_screen = self.items.get(drawn.first.item..)?;
        let newest = |is_it: fn(&Message) -> bool| {
            let mut items = on_screen.iter().rev();
            let found = items.find(|item| match &item.kind {
                TimelineItemKind::Message(message) => !message.own && message.event_id.is_some() && is_it(message),
                _ => false,
            });
            found.map(|item| item.key.clone())
        };
        let readable = newest(|message| !matches!(message.body, Body::Undecryptable(_)));
        let looked = Looked { newest: newest(|_| true)?, readable };
        (self.marked_read.as_ref() != Some(&looked)).then_some(looked)
    }

    /// A read receipt was asked for when this was looked at.
    pub(super) fn on_marked_read(&mut self, looked: Looked) {
        self.marked_read = Some(looked);
    }
}

/// What the user looks at: the newest message of somebody else, and the newest that can be read.
/// When a key comes late, there is more to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looked {
    newest: ItemKey,
    readable: Option<ItemKey>,
}

fn begins_encryption(item: &TimelineItem) -> bool {
    matches!(item.kind, TimelineItemKind::Notice { encrypted_from_here: true, .. })
}

/// That this user is typing, as the others in the room were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypingNotice {
    /// When they were told last.
    pub told: Timestamp,
    /// When it ends, if no more is typed.
    pub until: Timestamp,
}

impl TypingNotice {
    /// How long after the last key it ends.
    pub const LENGTH: Duration = Duration::from_secs(5);
    /// How often the others are told while typing goes on.
    pub const REPEAT: Duration = Duration::from_secs(3);
}
