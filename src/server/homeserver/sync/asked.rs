//! What a client asks for, with its filter.

use std::time::Duration;

use ruma::{
    RoomId,
    api::{
        IncomingRequest,
        client::{filter::FilterDefinition, sync::sync_events::v3::Request},
    },
};
use serde_json::Value;

use super::{
    super::{
        error::{Answer, bad_json, invalid},
        http::{Plain, malformed},
        world::{Caller, World},
    },
    news,
    token::SyncToken,
};
use crate::server::bundle;

/// So many events a room, where the client does not say.
pub const USUAL_LIMIT: usize = 10;

/// What a client asks for.
pub struct Asked {
    pub since: Option<SyncToken>,
    pub timeout: Duration,
    pub full_state: bool,
    pub filter: FilterDefinition,
    pub deliveries: bundle::Options,
}

impl Asked {
    pub fn read(world: &World, caller: &Caller, request: Plain) -> Answer<Self> {
        let query = url::form_urlencoded::parse(request.http.uri().query().unwrap_or_default().as_bytes());
        let filter = query.into_iter().find(|(name, _)| name == "filter").map(|(_, filter)| filter.into_owned());
        let request = Request::try_from_http_request(request.http, &request.path).map_err(malformed)?;
        // As it was written: it says more than ruma knows.
        let filter = match filter {
            None => Value::Null,
            Some(inline) if inline.starts_with('{') => serde_json::from_str(&inline).map_err(bad_json)?,
            Some(id) => {
                let kept = world.user(&caller.user_id).zip(id.parse().ok());
                let kept = kept.and_then(|(user, id): (_, usize)| user.filters.get(id));
                kept.cloned().ok_or_else(|| invalid("There is no such filter"))?
            }
        };
        Ok(Self {
            since: SyncToken::given(request.since.as_deref(), world.position)?,
            timeout: request.timeout.unwrap_or_default(),
            full_state: request.full_state,
            deliveries: bundle::Options::from_filter(&filter),
            filter: if filter.is_null() {
                FilterDefinition::default()
            } else {
                serde_json::from_value(filter).map_err(bad_json)?
            },
        })
    }

    pub fn since(&self) -> u64 {
        self.since.unwrap_or_default().position
    }

    pub fn wants_room(&self, room: &RoomId) -> bool {
        let filter = &self.filter.room;
        filter.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|wanted| wanted == room))
            && !filter.not_rooms.iter().any(|unwanted| unwanted == room)
    }

    pub fn wants_typing(&self) -> bool {
        let among = |types: &Vec<String>| types.iter().any(|pattern| bundle::matches_type(pattern, "m.typing"));
        let filter = &self.filter.room.ephemeral;
        filter.types.as_ref().is_none_or(among) && !among(&filter.not_types)
    }

    pub fn limit(&self) -> usize {
        news::limit(self.filter.room.timeline.limit, USUAL_LIMIT).max(1)
    }

    /// Some clients say it where the specification has it, for the state, some for the timeline.
    pub fn loads_members_lazily(&self) -> bool {
        let filter = &self.filter.room;
        [&filter.state, &filter.timeline].iter().any(|filter| !filter.lazy_load_options.is_disabled())
    }
}
