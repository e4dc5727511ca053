//! The stage: logs everybody in, makes the rooms, and carries out what the play says is due.
//!
//! What the user needs first comes first: the people of the direct chats log in, the rooms are
//! made, and the user may come. The society gathers meanwhile, since so many devices take a moment
//! to make their keys; its room appears when it is complete. The user's place in the rooms is taken
//! by a device of theirs that logs out again.

use std::{collections::BTreeMap, future::pending, pin::pin};

use futures_util::{StreamExt, TryStreamExt, stream};
use rand::distr::{Alphanumeric, SampleString};
use ruma::UserId as SdkUserId;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};

use super::{
    News,
    cast::{self, DemoRoom, Device, Kind, LINUS, Part, Person, ROOMS, Room, SOCIETY_ROOM, YOU},
    play::{Deed, Play},
};
use crate::{
    client::peer::{Heard, Host, NewRoom, Peer, PeerResult},
    clock::now,
    model::{Entrance, EventId, RoomId, SafeText, Secret, Timestamp, UserId},
    server::homeserver::Homeserver,
};

/// So many of the society log in at a time.
const AT_A_TIME: usize = 4;
/// A probe is so many reactions to events that do not exist.
const PROBES: usize = 5;

/// Gives the demo, for as long as it is awaited. An error is a sentence, and the end of it.
pub async fn perform(server: &Homeserver, tell: &(impl Fn(News) + Sync)) -> PeerResult<()> {
    let doing = |what: &str| tell(News::Doing(SafeText::line(what)));
    let accounts = Accounts::new(server);
    let (leads, mut peers) = (cast::leads(), Peers::new());
    for person in &leads {
        for device in &person.devices {
            doing(&format!("{}'s {} logs in", person.first_name(), device.part.device));
            peers.insert(device.part, accounts.log_in(person, device).await?);
        }
    }
    lose_keys(server, of(&peers, LINUS)?)?;
    doing("You get an account, and rooms");
    let you = accounts.register_you().await?;
    let mut play = Play::new(you.user(), you.device(), rand::random());
    let mut places = Vec::new();
    for room in &ROOMS {
        places.push((room, make(room, &peers, &[you.user()]).await?));
    }
    // The invites come first, because they say which chats are direct.
    you.catch_up().await?;
    for (room, id) in places {
        if room.place != DemoRoom::Emmy {
            you.join(&id).await?;
        }
        play.set(room.place, id);
    }

    let (hear, mut heard) = unbounded_channel();
    let mut stage = Stage { you: you.user(), hear, actors: BTreeMap::new() };
    stage.enter(&mut play, leads, &peers);
    doing("You log in");
    let tour = play.room(DemoRoom::Ada).ok_or_else(|| SafeText::line("There is no tour."))?;
    tell(News::Ready(accounts.entrance(tour)));

    let mut gathering = pin!(gather(&accounts, peers, you));
    let mut gathered = false;
    loop {
        let wake = play.next_wake();
        tokio::select! {
            Some((part, what)) = heard.recv() => play.heard(part, &what, now()),
            () = at(wake) => for cue in play.due(now()) {
                stage.act(cue.part, cue.deed);
            },
            society = &mut gathering, if !gathered => {
                gathered = true;
                match society {
                    Ok((room, peers)) => {
                        play.set(DemoRoom::Society, room);
                        stage.enter(&mut play, cast::society(), &peers);
                        play.gathered(now());
                    }
                    Err(why) => tell(News::Failed(SafeText::line(&format!("The society did not gather. {why}")))),
                }
            }
        }
    }
}

/// Lets no room key get to this device.
fn lose_keys(server: &Homeserver, peer: &Peer) -> PeerResult<()> {
    let user = SdkUserId::parse(peer.user().as_str()).map_err(|error| SafeText::line(&error.to_string()))?;
    server.keep_to_device_from(&user, peer.device().as_str().into());
    Ok(())
}

/// Everybody's clients.
type Peers = BTreeMap<Part, Peer>;

fn of(peers: &Peers, part: Part) -> PeerResult<&Peer> {
    peers.get(&part).ok_or_else(|| SafeText::line(&format!("{part:?} is not there.")))
}

/// How people get onto the homeserver.
struct Accounts {
    url: String,
    host: Host,
    /// Everybody's, made up anew each time: others on this machine can reach the port too.
    password: String,
}

impl Accounts {
    fn new(server: &Homeserver) -> Self {
        let url = server.url();
        Self { host: Host::new(&url), url, password: Alphanumeric.sample_string(&mut rand::rng(), 24) }
    }

    /// The user, by a device that only sets up what they find.
    async fn register_you(&self) -> PeerResult<Peer> {
        let you = Peer::register(&self.host, YOU, &self.password, "SETUP", "setting up").await?;
        you.call_itself("You").await?;
        Ok(you)
    }

    /// A device of a person, with its keys on the server. The first one registers them.
    async fn log_in(&self, person: &Person, device: &Device) -> PeerResult<Peer> {
        let Part { person: user, device: kind } = device.part;
        // Devices are shown in the order of their ids: Grace's phone before her tablet.
        let (id, name) = (format!("{user}{kind}").to_uppercase(), format!("{}'s {kind}", person.first_name()));
        let peer = if device.part == person.devices[0].part {
            let peer = Peer::register(&self.host, user, &self.password, &id, &name).await?;
            peer.call_itself(person.name).await?;
            peer
        } else {
            Peer::log_in(&self.host, user, &self.password, &id, &name).await?
        };
        peer.catch_up().await?;
        Ok(peer)
    }

    fn entrance(&self, tour: RoomId) -> Entrance {
        Entrance { homeserver: self.url.clone(), user: YOU.to_owned(), password: Secret(self.password.clone()), tour }
    }
}

/// Makes a room by the first of its members: the others join, more people are invited, and the past
/// is said.
async fn make(room: &Room, peers: &Peers, more: &[UserId]) -> PeerResult<RoomId> {
    let host = of(peers, room.members[0])?;
    let others = room.members[1..].iter().map(|part| of(peers, *part)).collect::<PeerResult<Vec<_>>>()?;
    let invite: Vec<UserId> = others.iter().map(|peer| peer.user()).chain(more.iter().cloned()).collect();
    let id = host
        .create(&NewRoom {
            name: (!room.name.is_empty()).then_some(room.name),
            topic: (!room.topic.is_empty()).then_some(room.topic),
            public: if let Kind::Public(alias) = room.kind { Some(alias) } else { None },
            direct: room.kind == Kind::Direct,
            encrypted: matches!(room.kind, Kind::Direct | Kind::Private { encrypted: true }),
            invite: &invite,
        })
        .await?;
    for peer in others {
        peer.join(&id).await?;
    }
    for (who, line) in room.past {
        of(peers, *who)?.say(&id, line).await?;
    }
    Ok(id)
}

/// Brings the society together, with the user among them, whose device `you` has done its work
/// then.
async fn gather(accounts: &Accounts, mut peers: Peers, you: Peer) -> PeerResult<(RoomId, Peers)> {
    let society = cast::society();
    let log_in = |person: Person| async move {
        let device = &person.devices[0];
        Ok((device.part, accounts.log_in(&person, device).await?))
    };
    let members: Peers = stream::iter(society).map(log_in).buffer_unordered(AT_A_TIME).try_collect().await?;
    peers.extend(members.clone());
    let is_new = |part: &&Part| !SOCIETY_ROOM.members.contains(part);
    let invited = members.keys().filter(is_new).filter_map(|part| peers.get(part)).chain([&you]).map(Peer::user);
    let invited: Vec<_> = invited.collect();
    let room = make(&SOCIETY_ROOM, &peers, &invited).await?;
    for peer in members.values().chain([&you]) {
        peer.join(&room).await?;
    }
    you.log_out().await?;
    Ok((room, members))
}

/// Those who play.
struct Stage {
    you: UserId,
    hear: UnboundedSender<(Part, Heard)>,
    actors: BTreeMap<Part, UnboundedSender<Deed>>,
}

impl Stage {
    /// These people play from now on; the devices that are on begin to listen.
    fn enter(&mut self, play: &mut Play, people: Vec<Person>, peers: &Peers) {
        for device in people.into_iter().flat_map(|person| person.devices) {
            let Some(peer) = peers.get(&device.part) else { continue };
            let (deeds, todo) = unbounded_channel();
            let hear = self.hear.clone();
            let actor = Actor { part: device.part, peer: peer.clone(), you: self.you.clone(), hear, said: None };
            tokio::spawn(actor.act(todo));
            self.actors.insert(device.part, deeds);
            if device.on {
                self.act(device.part, Deed::SwitchOn);
            }
            play.enter(device);
        }
    }

    fn act(&self, part: Part, deed: Deed) {
        if let Some(actor) = self.actors.get(&part) {
            // An actor ends with the demo only.
            let _ = actor.send(deed);
        }
    }
}

/// One device at work: it does one thing after the other.
struct Actor {
    part: Part,
    peer: Peer,
    you: UserId,
    hear: UnboundedSender<(Part, Heard)>,
    /// What it said last, and where.
    said: Option<(RoomId, EventId)>,
}

impl Actor {
    async fn act(mut self, mut todo: UnboundedReceiver<Deed>) {
        let mut on = false;
        while let Some(deed) = todo.recv().await {
            if deed == Deed::SwitchOn {
                if !std::mem::replace(&mut on, true) {
                    let (part, hear) = (self.part, self.hear.clone());
                    self.peer.listen(move |heard| {
                        // Nobody hears it only while the demo ends.
                        let _ = hear.send((part, heard));
                    });
                }
            } else if let Err(why) = self.carry_out(deed).await {
                tracing::debug!(part = ?self.part, %why, "a peer could not do what it was to do");
            }
        }
    }

    async fn carry_out(&mut self, deed: Deed) -> PeerResult<()> {
        let Self { peer, you, said, .. } = self;
        match deed {
            Deed::SwitchOn => Ok(()),
            Deed::Acknowledge { room_id: room, event_id: event } => peer.acknowledge(&room, &event).await,
            Deed::CannotDecrypt { room_id: room, event_id: event } => {
                peer.cannot_decrypt(&room, &event, you, now()).await
            }
            Deed::Read { room_id: room, event_id: event } => peer.read(&room, &event).await,
            Deed::Type { room_id: room } => peer.types(&room).await,
            Deed::Say { room_id: room, text } => {
                let event = peer.say(&room, &text).await?;
                *said = Some((room, event));
                Ok(())
            }
            Deed::React { room_id: room, event_id: event, with } => peer.react(&room, &event, with).await,
            Deed::Join { room_id: room } => peer.join(&room).await,
            Deed::Probe { room_id: room } => {
                for _ in 0..PROBES {
                    let made_up = format!("${}", Alphanumeric.sample_string(&mut rand::rng(), 43));
                    peer.react(&room, &EventId::new(made_up), "👀").await?;
                }
                match said {
                    Some((place, event)) if *place == room => peer.edit(&room, event, "Hello? Is anybody there?").await,
                    _ => Ok(()),
                }
            }
        }
    }
}

/// Waits until it is that time, or for ever.
async fn at(time: Option<Timestamp>) {
    match time {
        Some(time) => sleep(time - now()).await,
        None => pending().await,
    }
}
