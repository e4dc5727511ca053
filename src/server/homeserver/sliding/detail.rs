//! How much of a room a client asks for.

use std::collections::BTreeSet;

use ruma::{UInt, UserId, events::StateEventType};

use super::super::sync::news;

/// How much of a room is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// So many events of the timeline.
    pub limit: usize,
    /// State of these types and keys; both may be wildcards.
    pub state: BTreeSet<(String, String)>,
}

impl Detail {
    /// What a list or a subscription asks for.
    pub fn asked(limit: UInt, state: &[(StateEventType, String)]) -> Self {
        Self {
            limit: news::limit(Some(limit), 0),
            state: state.iter().map(|(kind, key)| (kind.to_string(), key.clone())).collect(),
        }
    }

    /// Everything that either of them is.
    pub fn and(&self, other: &Self) -> Self {
        Self { limit: self.limit.max(other.limit), state: self.state.union(&other.state).cloned().collect() }
    }

    /// Whether it has this state for this user; members are also there when `needed` for the
    /// timeline.
    pub fn has(&self, kind: &str, key: &str, user: &UserId, needed: bool) -> bool {
        self.state.iter().any(|(wanted_kind, wanted_key)| {
            let is_key = match wanted_key.as_str() {
                "*" => true,
                "$ME" => key == user,
                "$LAZY" => kind == "m.room.member" && needed,
                wanted => wanted == key,
            };
            is_key && (wanted_kind == "*" || wanted_kind == kind)
        })
    }
}
