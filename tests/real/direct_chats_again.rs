//! `/dm` once more, when the one who is meant is not where they were: nothing is typed to nobody,
//! nor to somebody else.

use kvitto::{
    client::request::RoomsRequest,
    model::{Mark, Membership, RoomId, TimelineItemKind},
};

use crate::{
    person::{Person, body, direct_chat},
    world::{World, on},
};

async fn leaves(person: &mut Person, room: &RoomId) {
    person.run(RoomsRequest::Leave { room_id: room.clone(), older: Vec::new() });
    person.until("being out of the room", |p| p.app.rooms.get(room).is_none().then_some(())).await;
}

/// What is said when somebody asks for a chat, and which room is open then.
async fn asks_for_chat(person: &mut Person, user: &str) -> (RoomId, String) {
    person.app.status = None;
    person.run(RoomsRequest::DirectChat(user.to_owned()));
    let said = person.until("what is said of the chat", |p| p.app.status.take()).await;
    let open = person.app.timelines.shown().expect("the chat is open");
    (open.id.room_id.clone(), said.text.to_string())
}

/// The mark of an own message in the open room.
fn mark_of(person: &Person, text: &str) -> Option<Mark> {
    let items = &person.app.timelines.shown()?.items;
    let is_it = |kind: &TimelineItemKind| matches!(kind, TimelineItemKind::Message(message) if body(message) == text);
    person.app.mark(items.iter().position(|item| is_it(&item.kind))?)
}

/// Bob has left: what Alice writes nobody can get, and it does not say that it was delivered to the
/// server as if that were anything. Asked for again, the chat is the same one, and he is invited.
async fn whoever_left_a_chat_is_invited_again(world: World) {
    let (mut alice, mut bob) = (world.alice("desk").await, world.bob("phone").await);
    let chat = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    leaves(&mut bob, &chat).await;
    alice.sees_members(&chat, 1).await;
    alice.say(&chat, "to nobody");
    alice.sees("to nobody").await;
    alice.until("the mark", |p| (mark_of(p, "to nobody") == Some(Mark::Nobody)).then_some(())).await;

    let (again, said) = asks_for_chat(&mut alice, &world.bob.user_id).await;
    assert_eq!(again, chat);
    assert!(said.contains("was invited again"), "{said}");
    let is_invite = |membership: &Membership| matches!(membership, Membership::Invited { .. });
    bob.room("the second invite", |row| row.id == chat && is_invite(&row.membership)).await;
    let (again, said) = asks_for_chat(&mut alice, &world.bob.user_id).await;
    assert_eq!(again, chat);
    assert!(said.contains("has not accepted the invite"), "{said}");
    alice.say(&chat, "to be read later");
    alice.sees("to be read later").await;
    alice.until("its mark", |p| (mark_of(p, "to be read later") == Some(Mark::Sent)).then_some(())).await;
    assert_eq!(mark_of(&alice, "to nobody"), Some(Mark::Nobody));
}
on!(whoever_left_a_chat_is_invited_again: synapse, embedded);

/// Bob has left, and Carol is there: what is typed to him does not go to her.
async fn a_chat_with_somebody_else_in_it_is_not_theirs(world: World) {
    let carol = world.server.register("carol");
    let (mut alice, mut bob) = (world.alice("desk").await, world.bob("phone").await);
    let chat = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let carols = world.server.login_raw(&carol).token;
    alice.run(RoomsRequest::Invite { room_id: chat.clone(), user: carol.user_id.clone() });
    alice.until("the invite", |p| p.app.status.take()).await;
    world.server.join(&carols, &chat);
    alice.sees_members(&chat, 3).await;
    leaves(&mut bob, &chat).await;
    alice.sees_members(&chat, 2).await;
    let (new, said) = asks_for_chat(&mut alice, &world.bob.user_id).await;
    assert_ne!(new, chat);
    assert!(said.contains("this is a new one"), "{said}");
    bob.room("the new invite", |row| row.id == new).await;
}
on!(a_chat_with_somebody_else_in_it_is_not_theirs: synapse, embedded);
