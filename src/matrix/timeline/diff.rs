//! The SDK's differences as [`TimelineChange`]s.
//!
//! The SDK has twelve kinds, the app six: pushing and popping at either end are insertions and removals, and clearing
//! is a reset to nothing. Only popping at the end needs to know how long the list is.

use matrix_sdk_ui::eyeball_im::VectorDiff;

use crate::model::{TimelineChange, TimelineItem};

/// Translates one difference of a list that has `len` items, and keeps `len` right.
pub(super) fn change<T: Clone>(
    diff: VectorDiff<T>,
    len: &mut usize,
    item: impl Fn(&T) -> TimelineItem,
) -> TimelineChange {
    let change = match diff {
        VectorDiff::Append { values } => TimelineChange::Append(values.iter().map(item).collect()),
        VectorDiff::Clear => TimelineChange::Reset(Vec::new()),
        VectorDiff::PushFront { value } => TimelineChange::Insert(0, item(&value)),
        VectorDiff::PushBack { value } => TimelineChange::Append(vec![item(&value)]),
        VectorDiff::PopFront if *len == 0 => TimelineChange::Truncate(0),
        VectorDiff::PopFront => TimelineChange::Remove(0),
        VectorDiff::PopBack => TimelineChange::Truncate(len.saturating_sub(1)),
        VectorDiff::Insert { index, value } => TimelineChange::Insert(index, item(&value)),
        VectorDiff::Set { index, value } => TimelineChange::Set(index, item(&value)),
        VectorDiff::Remove { index } => TimelineChange::Remove(index),
        VectorDiff::Truncate { length } => TimelineChange::Truncate(length),
        VectorDiff::Reset { values } => TimelineChange::Reset(values.iter().map(item).collect()),
    };
    *len = match &change {
        TimelineChange::Reset(items) => items.len(),
        TimelineChange::Append(items) => *len + items.len(),
        TimelineChange::Insert(..) => *len + 1,
        TimelineChange::Set(..) => *len,
        TimelineChange::Remove(_) => *len - 1,
        TimelineChange::Truncate(length) => (*len).min(*length),
    };
    change
}
