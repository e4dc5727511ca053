//! The probes of [Careless Whisper](https://arxiv.org/abs/2411.11194), as an attacker's client
//! sends them: whatever makes a device answer without its owner seeing anything, as fast as it
//! goes, from somebody known and from a stranger who shares a room. What is counted is what comes
//! out of a real client: the requests on its own line, and the receipts that arrive.
//!
//! After each kind of probe a third person sends an ordinary message. Its receipt proves that the
//! client has looked at all that came before.
//!
//! A test sends a few of each kind; with `KVITTO_PROBES=all` it sends them all (`tests/campaigns`).

use std::{
    collections::BTreeSet,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use kvitto::{
    client::request::RoomsRequest,
    model::{EventId, Membership, ReceiptStatus, RoomId, Route},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    person::Person,
    rogue::{Receipts, Received, Rogue},
    support::proxy::Proxy,
    world::{World, on},
};

/// P10: so many receipts leave at once for one sender, and then one a second.
const BURST: usize = 60;
/// Each blank in each form.
const FEW: usize = 60;

/// One probe on the wire.
enum Shot {
    /// What stands behind the room in the path, and the content.
    Clear(String, Value),
    /// Type and content of what is encrypted.
    Sealed(&'static str, Value),
}

impl Shot {
    fn send(kind: &str, content: Value) -> Self {
        Self::Clear(format!("send/{kind}"), content)
    }

    fn redact(event: &str) -> Self {
        Self::Clear(format!("redact/{}", event.replace('$', "%24")), json!({}))
    }
}

/// What a probe is made of: whose it is, and what they have said.
struct Ground<'a> {
    user: &'a str,
    said: &'a [EventId],
}

/// A kind of probe.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    most: usize,
    /// The probe of this number.
    shot: fn(&Ground, usize) -> Shot,
}

impl Kind {
    /// How many are sent.
    fn number(self) -> usize {
        if env::var("KVITTO_PROBES").is_ok_and(|which| which == "all") { self.most } else { (self.most / 20).max(FEW) }
    }
}

const fn kind(name: &'static str, most: usize, shot: fn(&Ground, usize) -> Shot) -> Kind {
    Kind { name, most, shot }
}

/// What no person sees as a new message (P4), and what tries to look like one.
const SILENT: [Kind; 14] = [
    kind("reactions", 1_000, |ground, n| reaction(ground.said[0].as_str(), n)),
    kind("reactions to made-up ids", 1_000, |_, n| reaction(&made_up(n), n)),
    kind("edits, in the clear", 1_000, |ground, n| Shot::send("m.room.message", edit(ground.said[0].as_str(), n))),
    kind("edits, encrypted", 100, |ground, n| Shot::Sealed("m.room.message", edit(ground.said[0].as_str(), n))),
    kind("edits of made-up ids", 100, |_, n| Shot::send("m.room.message", edit(&made_up(n), n))),
    // The homeserver refuses these, or keeps them to itself until there is such an event.
    kind("redactions of made-up ids", 100, |_, n| Shot::redact(&made_up(n))),
    kind("poll votes", 1_000, |ground, n| {
        let relation = json!({ "rel_type": "m.reference", "event_id": ground.said[0].as_str() });
        let (kind, vote) = match n % 3 {
            0 => ("m.poll.response", "m.selections"),
            1 => ("org.matrix.msc3381.poll.response", "org.matrix.msc3381.poll.response"),
            _ => ("m.poll.end", "m.text"),
        };
        Shot::send(kind, json!({ "m.relates_to": relation, vote: [n.to_string()] }))
    }),
    kind("state events", 100, |ground, n| {
        if n.is_multiple_of(2) {
            return Shot::Clear("state/m.room.topic/".to_owned(), json!({ "topic": format!("topic {n}") }));
        }
        let me = json!({ "membership": "join", "displayname": format!("name {n}") });
        Shot::Clear(format!("state/m.room.member/{}", ground.user), me)
    }),
    kind("messages as state", 100, |_, n| Shot::Clear(format!("state/m.room.message/{n}"), text("seen?"))),
    kind("calls", 1_000, |_, n| {
        let call = n.to_string();
        let offer = json!({ "type": "offer", "sdp": "v=0" });
        match n % 3 {
            0 => Shot::send("m.call.invite", json!({ "call_id": call, "version": 0, "lifetime": 1, "offer": offer })),
            1 => Shot::send("m.call.candidates", json!({ "call_id": call, "version": 0, "candidates": [] })),
            _ => Shot::send("m.call.hangup", json!({ "call_id": call, "version": 0 })),
        }
    }),
    kind("verification requests", 100, |_, _| {
        let request = json!({ "from_device": "NONE", "methods": ["m.sas.v1"], "body": "verify" });
        Shot::send("m.room.message", with(request, "msgtype", "m.key.verification.request".into()))
    }),
    kind("unknown types", 100, |_, n| Shot::send("com.example.message", text(&format!("unknown {n}")))),
    kind("messages that show nothing, in the clear", 100, |_, n| Shot::send("m.room.message", blank(n))),
    kind("messages that show nothing, encrypted", 100, |_, n| Shot::Sealed("m.room.message", blank(n))),
];

/// What P10 is there for: what is seen. Every tenth is a new poll.
const VISIBLE: Kind = kind("messages and new polls", 10_000, |_, n| match n % 10 {
    0 => Shot::send("m.poll.start", poll()),
    _ => Shot::send("m.room.message", text(&format!("visible {n}"))),
});

/// Takes back what was seen, but for the first of it.
const REDACTIONS: Kind = kind("redactions of own messages", 1_000, |ground, n| {
    Shot::redact(ground.said[n % (ground.said.len() - 1) + 1].as_str())
});

/// Nothing that a person sees: spaces, what has no width, blanks of other scripts, what cannot be
/// printed; also as HTML.
fn blank(n: usize) -> Value {
    let blanks =
        ["", " \n ", "\u{200B}", "\u{2060}\u{FEFF}", "\u{2800}", "\u{3164}", "\u{1}\u{7}", "\u{E000}", "\u{301}"];
    let (msgtype, body) = (["m.text", "m.notice", "m.emote"][n % 3], blanks[n % blanks.len()]);
    let plain = json!({ "msgtype": msgtype, "body": body });
    if n.is_multiple_of(2) {
        return plain;
    }
    let html = with(plain, "format", "org.matrix.custom.html".into());
    with(html, "formatted_body", format!("<p><b>{body}</b><br></p>").into())
}

fn poll() -> Value {
    let said = |words: &str| json!([{ "mimetype": "text/plain", "body": words }]);
    let answers = ["yes", "no"].map(|answer| json!({ "m.id": answer, "m.text": said(answer) }));
    json!({ "m.text": said("Seen?"), "m.poll": { "question": { "m.text": said("Seen?") }, "answers": answers } })
}

fn reaction(event: &str, n: usize) -> Shot {
    let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": format!("{n}") });
    Shot::send("m.reaction", json!({ "m.relates_to": relation }))
}

fn edit(event: &str, n: usize) -> Value {
    let relation = json!({ "rel_type": "m.replace", "event_id": event });
    let edit = with(text(&format!("* edit {n}")), "m.new_content", text(&format!("edit {n}")));
    with(edit, "m.relates_to", relation)
}

fn with(mut content: Value, key: &str, value: Value) -> Value {
    content[key] = value;
    content
}

/// An id as servers make them, of an event that there is not.
fn made_up(n: usize) -> String {
    format!("${n:A>43}")
}

/// Two attackers and the people around them, in one room.
struct Stage {
    world: World,
    room: RoomId,
    /// The only way that the victim's client has to the homeserver.
    line: Proxy,
    victim: Person,
    /// Somebody known whose ordinary messages show how far the victim's client is.
    witness: Rogue,
}

impl Stage {
    /// The stranger makes a room and has everybody in it; the others have a direct chat with the
    /// victim besides, so they are known. All ask for receipts.
    async fn set(world: World) -> (Self, [(&'static str, Rogue); 2]) {
        let line = world.line();
        let mut victim = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
        line.wait_for_keys(&victim.device(), &victim.device());
        let server = world.server.base_url.clone();
        let mut stranger = Rogue::log_in(&server, &world.server.register("mallory")).await;
        let mut known = Rogue::log_in(&server, &world.alice).await;
        let mut witness = Rogue::log_in(&server, &world.server.register("carol")).await;
        for friend in [&mut known, &mut witness] {
            let chat = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [world.bob.user_id] });
            let chat = friend.create_room(&chat);
            accept(&mut victim, &chat).await;
        }
        let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
        let shared = json!({
            "preset": "private_chat",
            "invite": [world.bob.user_id, known.user_id, witness.user_id],
            "initial_state": [encryption],
            "power_level_content_override": { "users_default": 100 },
        });
        let room = stranger.create_room(&shared);
        known.join(&room);
        witness.join(&room);
        accept(&mut victim, &room).await;
        victim.sees_members(&room, 4).await;
        for who in [&stranger, &known, &witness] {
            who.ask(&room, &world.bob.user_id).await;
        }
        let stage = Self { world, room, line, victim, witness };
        (stage, [("stranger", stranger), ("known", known)])
    }

    /// Sends the probes of a kind, as many as there is time for, and returns those that the
    /// homeserver took.
    async fn shoot(&self, rogue: &mut Rogue, kind: Kind, said: &[EventId]) -> Vec<EventId> {
        let patience = self.world.patience() * u32::try_from(kind.number().div_ceil(1_000)).expect("a few thousand");
        let user = rogue.user_id.clone();
        let began = Instant::now();
        let mut taken = Vec::new();
        for n in (0..kind.number()).take_while(|_| began.elapsed() < patience) {
            match (kind.shot)(&Ground { user: &user, said }, n) {
                Shot::Clear(path, content) => taken.extend(rogue.put(&self.room, &path, &content)),
                Shot::Sealed(kind, content) => taken.push(rogue.seal(&self.room, kind, &content).await),
            }
        }
        taken
    }

    /// Waits until the victim's client has looked at everything that was sent before.
    async fn is_looked_at(&mut self) {
        let event = self.witness.send(&self.room, "m.room.message", &text("an ordinary message"));
        let what = format!("the receipt for an ordinary message {event}");
        let route = self.world.route();
        self.witness.until(&what, |received| received.by(route).contains_key(&event)).await;
    }

    /// Every receipt that has left the victim's client so far.
    async fn out(&self, attackers: &[(&'static str, Rogue); 2]) -> Receipts {
        let mut out = Receipts::new();
        if self.world.route() == Route::Native {
            for event in self.line.requests().iter().filter_map(|request| acknowledged(request)) {
                *out.entry(event).or_default() += 1;
            }
            return out;
        }
        for rogue in attackers.iter().map(|(_, rogue)| rogue).chain([&self.witness]) {
            rogue.look().await;
            for (event, times) in rogue.received().direct {
                *out.entry(event).or_default() += times;
            }
        }
        out
    }

    /// Where the table is kept.
    fn report(&self) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("probes");
        fs::create_dir_all(&folder).expect("the target folder can be written");
        let name: String = self.world.name().chars().filter(char::is_ascii_alphanumeric).collect();
        folder.join(name).with_extension("md")
    }

    /// What the victim's client has sent to somebody's devices: sent again, it is the same, and has
    /// the same path.
    fn told_devices(&self) -> usize {
        let requests = self.line.requests();
        let sent = requests.iter().filter(|request| request.contains("/sendToDevice/m.room.encrypted/"));
        sent.collect::<BTreeSet<_>>().len()
    }
}

/// The event that a request to the homeserver acknowledges.
fn acknowledged(request: &str) -> Option<EventId> {
    let (_, event) = request.split_once("/receipt/org.matrix.msc4089.delivery/")?;
    Some(EventId::new(event.replace("%24", "$")))
}

/// The victim takes an invite.
async fn accept(victim: &mut Person, room: &RoomId) {
    victim.room("the invite", |summary| summary.id == *room).await;
    victim.run(RoomsRequest::Accept(room.clone()));
    let joined = |summary: &kvitto::model::RoomSummary| summary.id == *room && summary.membership == Membership::Joined;
    victim.room("the joined room", joined).await;
}

/// Nothing comes back for what nobody sees, and nothing at all for a stranger; what is seen is
/// acknowledged once, and no faster than P10 allows.
async fn p4_p7_p10_probes_are_not_answered(world: World) {
    let route = world.route();
    let (mut stage, mut attackers) = Stage::set(world).await;
    let began = Instant::now();
    let mut said =
        attackers.each_mut().map(|(_, rogue)| vec![rogue.send(&stage.room, "m.room.message", &text("hello"))]);
    stage.is_looked_at().await;
    let mut shots = Vec::new();
    for kind in SILENT.into_iter().chain([VISIBLE, REDACTIONS]) {
        for ((who, rogue), said) in attackers.iter_mut().zip(&mut said) {
            let sent = stage.shoot(rogue, kind, said).await;
            if kind.name == VISIBLE.name {
                said.extend(sent.clone());
            }
            shots.push((kind.name, *who, sent));
            stage.is_looked_at().await;
        }
        if kind.name == VISIBLE.name {
            let at_once = BURST.min(said[1].len());
            attackers[1].1.until("what P10 lets leave at once", |received| received.by(route).len() >= at_once).await;
        }
    }

    let out = stage.out(&attackers).await;
    let allowed = BURST + usize::try_from(began.elapsed().as_secs()).expect("a few minutes");
    let mut table = String::new();
    for (kind, who, sent) in &shots {
        let receipts = sent.iter().filter(|event| out.contains_key(event)).count();
        // The first of those that leave at once was for the first that was said.
        let may = match (*kind, *who) {
            (kind, "known") if kind == VISIBLE.name => BURST.min(sent.len() + 1) - 1..=allowed,
            _ => 0..=0,
        };
        assert!(may.contains(&receipts), "{receipts} receipts for {} {kind} by somebody {who}", sent.len());
        let rule = match sent.last() {
            Some(last) => match stage.victim.status_now(&stage.room, last).await {
                ReceiptStatus::Withheld { rule, .. } => rule.to_owned(),
                ReceiptStatus::NotConsidered => "not passed on by the homeserver".to_owned(),
                ReceiptStatus::Owed { .. } => "waits for its turn".to_owned(),
                other => format!("{other:?}"),
            },
            None => "refused by the homeserver".to_owned(),
        };
        writeln!(table, "| {} | {kind} | {who} | {} | {receipts} | {rule} |", stage.world.name(), sent.len())
            .expect("a string takes all");
    }
    assert!(out.values().all(|times| *times == 1), "each at most once: {out:#?}");
    if route == Route::Direct {
        // What was counted is all that left.
        stage.witness.look().await;
        let others = stage.witness.received().messages;
        let known = &attackers[1].1;
        known.until("every Olm message", |received| received.messages + others == stage.told_devices()).await;
    }
    let Received { direct, native, .. } = attackers[0].1.received();
    assert!(direct.is_empty() && native.is_empty(), "a stranger was answered: {direct:?} {native:?}");
    fs::write(stage.report(), &table).expect("the target folder can be written");
    println!("{table}");
}
on!(p4_p7_p10_probes_are_not_answered: embedded, embedded_direct, synapse);
