//! What a bridge says about a message (PROTOCOL §4).

#![no_main]

use std::time::Duration;

use kvitto_fuzz::{
    delivery::{
        ledger::BridgeReport,
        receipt::{BridgeStatus, REACHED_KEPT},
        summary,
    },
    laws,
    model::{BridgeState, Delivery, EventId, PersonDelivery, SafeText, UserId},
    mutate,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });

fuzz_target!(|data: &[u8]| {
    let Some(content) = laws::json(data) else { return };
    let Some(status) = BridgeStatus::parse(&content) else { return };
    assert!(status.event_id.as_str().starts_with('$'));
    assert!(status.reached.iter().flatten().all(|user| user.as_str().starts_with('@')));
    assert!(status.reached.as_ref().is_none_or(|reached| reached.len() <= REACHED_KEPT));
    laws::is_safe(&status.why);

    let bot = UserId::new("@bot:example.org");
    let said = BridgeReport::new(bot.clone(), laws::NOW, status);
    let late = BridgeReport { state: BridgeState::Pending, at: laws::NOW + Duration::from_millis(1), ..said.clone() };
    assert_eq!(said.clone().merge(said.clone()), said, "L3: said twice is said once");
    assert_eq!(said.clone().merge(late.clone()), late.merge(said.clone()), "L3: in any order");

    // Of those whom it names, every other one was in the room.
    let here = said.reached.iter().flatten().step_by(2);
    let here =
        here.map(|user| PersonDelivery { user_id: user.clone(), name: SafeText::default(), devices: Vec::new() });
    let here: Vec<_> = here.collect();
    let expected = here.iter().filter(|person| person.user_id != bot).count();
    let mut delivery = Delivery::new(EventId::new("$own"), laws::NOW, here);
    summary::bridged(&mut delivery, &said);
    let counted = delivery.people.iter().filter(|person| person.counts_as_one()).count();
    assert_eq!(counted, expected, "each person in the room counts once, the bot and those outside not at all");
});
