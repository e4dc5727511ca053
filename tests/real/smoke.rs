//! The least that a homeserver has to do: log in, make an encrypted room, invite, join, and say
//! something in it. When this fails, look at nothing else.

use crate::{
    person::direct_chat,
    world::{World, on},
};

async fn a_message_arrives(world: World) {
    let mut alice = world.alice("desk").await;
    let mut bob = world.bob("phone").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "hello");
    assert_eq!(alice.sees("hello").await, bob.sees("hello").await);
}
on!(a_message_arrives: synapse, embedded_today, embedded);
