//! Simplified sliding sync (MSC4186).
//!
//! Unlike `/sync` it tells of those rooms only that a client asks for, and of each as much as it
//! asks for. So the server must know what it has told, room by room. It keeps that for each
//! [`Connection`], beside the world, and for each `pos` that it gave out and may see again:
//!
//! 1. [`windows`] says which rooms the lists and subscriptions of a request show, and how much of
//!    each.
//! 2. [`room`] says what is new about a room, given what was told of it; a room that was never told
//!    comes whole.
//! 3. [`extensions`] adds what is not about rooms, or not about what was sent into them.
//!
//! The answer is remembered under the next `pos`. A request that has an older one did not get it:
//! it is answered anew, from what had been told by then. Receipts are never summed up here
//! (PROTOCOL §7), since there is no filter to ask for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use ruma::{
    api::{
        client::sync::sync_events::v5::{Request, Response, response},
        error::ErrorKind,
    },
    events::room::member::MembershipState,
};

use self::{
    connection::{Connection, Connections, Told},
    windows::Windows,
};
use super::{
    error::{Answer, error, invalid, unrecognized},
    http::{Routes, Shared},
    receipts::delivery,
    sync::{
        news::count,
        wait::{Look, wait},
    },
    world::{Caller, Room, World},
};
use crate::server::bundle;

mod connection;
mod detail;
mod extensions;
mod room;
mod windows;

/// A client that gives no timeout is ready to wait for ever.
const FOR_EVER: Duration = Duration::MAX;
/// No device needs more connections at once.
const MOST_CONNECTIONS: usize = 16;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    let all = Arc::<Mutex<Connections>>::default();
    routes.later(move |shared: Arc<Shared>, caller: Caller, request: Request| {
        let all = Arc::clone(&all);
        async move {
            let timeout = request.timeout.unwrap_or(FOR_EVER);
            // Only who holds the world takes this lock, so nobody waits for it.
            let lock = || all.lock().unwrap_or_else(PoisonError::into_inner);
            wait(&shared, timeout, |world, over| look(world, &mut lock(), &caller, &request, over)).await
        }
    })
}

fn look(
    world: &mut World,
    all: &mut Connections,
    caller: &Caller,
    request: &Request,
    over: bool,
) -> Answer<Look<Response>> {
    if !world.options.sliding_sync {
        return Err(unrecognized());
    }
    let connections = all.of(world, caller)?;
    let told = resume(connections, request)?;
    extensions::acknowledge(world, caller, request, &told);
    // Not of a room that comes with this very response: until the client has proved that it has the
    // room, its receipts wait, since a client drops those for rooms that it does not know.
    let tells = |room: &Room| told.room(room, &caller.user_id).is_some();
    let deliveries = bundle::Options { wanted: extensions::wants_receipts(request), summary_above: None };
    let bundle = delivery::bundle(world, caller, &deliveries, tells);
    let again = delivery::ready_at(world, caller, &deliveries, tells);

    let windows = Windows::of(world, caller, request);
    let mut next = told.at(world.position, deliveries.wanted.then_some(bundle.number));
    let mut response = Response::new(String::new());
    response.txn_id.clone_from(&request.txn_id);
    for (name, rooms) in &windows.lists {
        let mut answer = response::List::default();
        answer.count = count(*rooms);
        response.lists.insert((*name).clone(), answer);
    }
    for (id, shown) in &windows.rooms {
        let Some(room) = world.rooms.get(id) else { continue };
        if let Some(news) = room::news(world, caller, room, &told, shown)? {
            response.rooms.insert(id.clone(), news);
        }
        next.tell(room, &caller.user_id, shown);
    }
    // Whether a list shows them or not: the client must learn that it is not there any more. One
    // that begins may know a room from before, and not know that somebody has thrown it out.
    for (id, room) in &world.rooms {
        let Some(own) = room.state("m.room.member", caller.user_id.as_str()) else { continue };
        let is_gone = matches!(own.membership(), MembershipState::Leave | MembershipState::Ban);
        let was_thrown_out = own.sender != caller.user_id && !room.forgotten.contains(&caller.user_id);
        if is_gone && (told.rooms.contains_key(id) || request.pos.is_none() && was_thrown_out) {
            response.rooms.insert(id.clone(), room::left(caller, room, own, &told)?);
            next.rooms.remove(id);
        }
    }
    let news = extensions::add(&mut response, world, caller, request, &told, &windows, bundle.rooms)?;
    if response.rooms.is_empty() && !news && request.pos.is_some() && !over {
        return Ok(Look::Nothing(again));
    }
    response.pos = connections.entry(name(request)).or_default().give_out(next);
    Ok(Look::Answer(response))
}

/// What the connection had been told by the request's `pos`.
fn resume(connections: &mut BTreeMap<String, Connection>, request: &Request) -> Answer<Told> {
    let Some(pos) = &request.pos else {
        if connections.len() >= MOST_CONNECTIONS && !connections.contains_key(&name(request)) {
            return Err(invalid("This device has too many connections"));
        }
        return Ok(Told::default());
    };
    let told = connections.get_mut(&name(request)).and_then(|connection| connection.resume(pos));
    told.ok_or_else(|| error(StatusCode::BAD_REQUEST, ErrorKind::UnknownPos, "This `pos` is not known any more"))
}

fn name(request: &Request) -> String {
    request.conn_id.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests;
