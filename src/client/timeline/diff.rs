//! The SDK's differences as [`TimelineChange`]s.
//!
//! The SDK has twelve kinds, the app six: pushing and popping at either end are insertions and
//! removals, and clearing is a reset to nothing. Only popping at the end needs to know how long the
//! list is.

use matrix_sdk_ui::eyeball_im::VectorDiff;

use crate::model::{TimelineChange, TimelineItem};

/// The items that a difference brings.
pub(super) fn values<T: Clone>(diff: &VectorDiff<T>) -> impl Iterator<Item = &T> {
    let (many, one) = match diff {
        VectorDiff::Append { values } | VectorDiff::Reset { values } => (Some(values), None),
        VectorDiff::PushFront { value }
        | VectorDiff::PushBack { value }
        | VectorDiff::Insert { value, .. }
        | VectorDiff::Set { value, .. } => (None, Some(value)),
        VectorDiff::Clear
        | VectorDiff::PopFront
        | VectorDiff::PopBack
        | VectorDiff::Remove { .. }
        | VectorDiff::Truncate { .. } => (None, None),
    };
    many.into_iter().flatten().chain(one)
}

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use matrix_sdk_ui::eyeball_im::VectorDiff;
    use proptest::prelude::*;

    use super::change;
    use crate::model::{ItemKey, TimelineChange, TimelineItem, TimelineItemKind, Timestamp};

    fn item(n: u64) -> TimelineItem {
        TimelineItem {
            key: ItemKey(Arc::from(n.to_string())),
            kind: TimelineItemKind::DayLine(Timestamp::from_millis(n)),
        }
    }

    /// As whoever holds the app's list does it.
    fn apply(change: TimelineChange, items: &mut Vec<TimelineItem>) {
        match change {
            TimelineChange::Reset(new) => *items = new,
            TimelineChange::Append(new) => items.extend(new),
            TimelineChange::Insert(index, new) => items.insert(index, new),
            TimelineChange::Set(index, new) => items[index] = new,
            TimelineChange::Remove(index) => drop(items.remove(index)),
            TimelineChange::Truncate(len) => items.truncate(len),
        }
    }

    /// A kind, a place in a list of any length, and values.
    type Step = (u8, prop::sample::Index, Vec<u64>);

    fn step() -> impl Strategy<Value = Step> {
        (0..=10_u8, any::<prop::sample::Index>(), prop::collection::vec(0..100_u64, 0..4))
    }

    fn diff((kind, place, values): Step, len: usize) -> VectorDiff<u64> {
        let value = values.first().copied().unwrap_or(7);
        match kind {
            0 => VectorDiff::Append { values: values.into() },
            1 => VectorDiff::Clear,
            2 => VectorDiff::PushFront { value },
            3 => VectorDiff::PushBack { value },
            4 => VectorDiff::PopFront,
            5 => VectorDiff::PopBack,
            6 => VectorDiff::Insert { index: place.index(len + 1), value },
            7 if len > 0 => VectorDiff::Set { index: place.index(len), value },
            8 if len > 0 => VectorDiff::Remove { index: place.index(len) },
            9 => VectorDiff::Truncate { length: place.index(len + 1) },
            _ => VectorDiff::Reset { values: values.into() },
        }
    }

    proptest! {
        #[test]
        fn changes_do_to_a_list_what_differences_do(steps in prop::collection::vec(step(), 0..60)) {
            let mut theirs = matrix_sdk_ui::eyeball_im::Vector::new();
            let (mut ours, mut len) = (Vec::new(), 0);
            for step in steps {
                let diff = diff(step, theirs.len());
                apply(change(diff.clone(), &mut len, |n| item(*n)), &mut ours);
                diff.apply(&mut theirs);
                prop_assert_eq!(&ours, &theirs.iter().copied().map(item).collect::<Vec<_>>());
                prop_assert_eq!(len, ours.len());
            }
        }
    }
}
