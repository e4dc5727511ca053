//! A person with one device: the whole client but its terminal. Events of `matrix` go through
//! `app::update`, and the effects that come of them go back, as `runtime` does it; so what a test
//! sees is what would be drawn.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use kvitto::{
    app::{App, Phase, Watched, effect::Effect, event::Event, update},
    client::{
        ClientHandle, Profile,
        reply::{Outcome, Reply},
        request::{ReceiptsRequest, Request, RequestId, RoomsRequest, SessionRequest, TimelineRequest},
        update::Update,
    },
    delivery::{
        ledger::Refusal,
        policy::{Settings, Timing},
        receipt::SUMMARY_ABOVE,
        receipt_queue::KEY_WAIT,
    },
    input::Key,
    model::{
        Body, Connection, Delivery, DeviceState, EventId, ItemKey, Membership, Message, NotBelieved, PeopleFilter,
        PersonDelivery, ReceiptLog, ReceiptStatus, RoomId, RoomSummary, Secret, TimelineId, TimelineItemKind,
        Timestamp, Undelivered, UserId,
    },
    settings::Config,
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::support::server::Account;

// The figures' program has this file by its path too.
#[path = "person/away.rs"]
mod away;

pub use away::Away;

/// How long anything may take, on a busy machine with a debug build.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Stands for the device in a receipt that names a person only.
pub const SOME_DEVICE: &str = "?";

/// Settings for tests: receipts go out at once.
pub fn at_once() -> Settings {
    Settings { timing: Timing::Immediate, ..Settings::default() }
}

/// See the module.
pub struct Person {
    /// What would be drawn.
    pub app: App,
    /// What came of requests that somebody waits for.
    outcomes: HashMap<RequestId, Outcome>,
    matrix: ClientHandle,
    events: UnboundedReceiver<Update>,
    profile: Profile,
    home: Arc<TempDir>,
}

impl Person {
    /// Starts on an empty folder and logs in.
    pub async fn log_in(server: &str, account: &Account, device_name: &str, settings: Settings) -> Self {
        Self::log_in_with(server, account, device_name, settings, |_| {}).await
    }

    /// The same, with a profile that is changed first.
    pub async fn log_in_with(
        server: &str,
        account: &Account,
        device_name: &str,
        settings: Settings,
        change: impl FnOnce(&mut Profile),
    ) -> Self {
        let home = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let dir = home.path().join("profiles/default");
        let device_name = device_name.to_owned();
        let mut profile = Profile { dir, device_name, settings, key_wait: KEY_WAIT, summary_above: SUMMARY_ABOVE };
        change(&mut profile);
        let mut person = Self::start(profile, home);
        person.until("the login screen", |p| matches!(p.app.phase, Phase::Login(_)).then_some(())).await;
        person.log_in_again(server, account).await;
        person
    }

    /// Logs in from the login screen.
    pub async fn log_in_again(&mut self, server: &str, account: &Account) {
        self.run(SessionRequest::Login {
            homeserver: server.to_owned(),
            user: account.name.clone(),
            password: Secret(account.password.clone()),
        });
        self.until("being logged in", |p| (p.app.phase == Phase::Main).then_some(())).await;
        self.online().await;
    }

    fn start(profile: Profile, home: Arc<TempDir>) -> Self {
        // What went on, for whoever looks into a failure: `RUST_LOG=kvitto=debug cargo test …`.
        // Nothing by default, so that a failure begins with what was waited for.
        let filter = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into()).from_env_lossy();
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer();
        let _ = log.try_init();
        let (sender, events) = unbounded_channel();
        let mut app = App::new(Config { delivery: profile.settings.clone(), ..Config::default() }, TimeZone::UTC);
        app.watched = Watched::Told(true);
        let matrix = ClientHandle::start(profile.clone(), sender).expect("a thread starts");
        Self { app, outcomes: HashMap::new(), matrix, events, profile, home }
    }

    /// Whether the connection is there.
    pub fn is_online(&self) -> bool {
        self.app.connection == Connection::Online
    }

    /// Waits until the connection is there.
    pub async fn online(&mut self) {
        self.until("being online", |p| p.is_online().then_some(())).await;
    }

    /// Ends the client, as quitting does; what is on disk stays.
    pub async fn quit(self) -> Away {
        self.matrix.stop().await;
        Away { profile: self.profile, home: self.home }
    }

    /// Takes in events until `found` finds something.
    pub async fn until<T>(&mut self, what: &str, mut found: impl FnMut(&mut Self) -> Option<T>) -> T {
        let waited = timeout(DEADLINE, async {
            loop {
                while let Ok(event) = self.events.try_recv() {
                    self.take_in(event);
                }
                if let Some(found) = found(self) {
                    return found;
                }
                let event = self.events.recv().await.expect("the matrix half goes on");
                self.take_in(event);
            }
        });
        waited.await.unwrap_or_else(|_elapsed| {
            let App { phase, status, connection, rooms, timelines, .. } = &self.app;
            panic!("waited for {what}; {phase:?}, {status:?}, {connection:?}, {:#?}, {timelines:#?}", rooms.all())
        })
    }

    fn take_in(&mut self, event: impl Into<Event>) {
        let event = event.into();
        if let Event::Client(Update::Done { id, outcome, .. }) = &event {
            self.outcomes.insert(*id, outcome.clone());
        }
        for effect in update(&mut self.app, event, now()) {
            if let Effect::Client(request) = effect {
                self.matrix.request(request);
            }
        }
    }

    /// Asks for something.
    pub fn run(&mut self, request: impl Into<Request>) -> RequestId {
        self.matrix.request(request.into())
    }

    /// Asks for something, and waits for what comes of it.
    pub async fn ask(&mut self, request: impl Into<Request>) -> Outcome {
        let id = self.run(request);
        self.until("an outcome", |p| p.outcomes.remove(&id)).await
    }

    /// The same, for what is always given.
    async fn reply(&mut self, request: impl Into<Request>) -> Reply {
        self.ask(request).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Changes the settings, as the runtime does when they were written, and waits until they hold:
    /// whatever is asked for next is answered after that.
    pub async fn set(&mut self, settings: Settings) {
        self.profile.settings = settings.clone();
        self.take_in(Event::Settings(Config { delivery: settings.clone(), ..Config::default() }));
        self.run(SessionRequest::Settings(settings));
        self.log(ReceiptsRequest::AskReceiptLog).await;
    }

    /// The room of this name or with this id, once it is there.
    pub async fn room(&mut self, what: &str, is_it: impl Fn(&RoomSummary) -> bool) -> RoomId {
        self.until(what, |p| p.app.rooms.all().iter().find(|room| is_it(room)).map(|room| room.id.clone())).await
    }

    /// Opens a room.
    pub async fn open(&mut self, room: &RoomId) {
        self.room("the room to open", |summary| summary.id == *room).await;
        let reply = Reply::Room { room_id: room.clone(), said: None };
        let request = Box::new(RoomsRequest::Join(room.to_string()).into());
        self.take_in(Update::Done { id: RequestId(u64::MAX), request, outcome: Ok(reply) });
        let id = TimelineId::live(room.clone());
        self.until("the open room", |p| p.app.timelines.shown().is_some_and(|open| open.id == id).then_some(())).await;
    }

    /// Waits until a room that another device of this account has joined is a direct chat here too:
    /// until then, whoever writes into it is a stranger (P7).
    pub async fn sees_direct(&mut self, room: &RoomId) {
        let is_direct = |summary: &RoomSummary| summary.direct && summary.membership == Membership::Joined;
        self.room("the direct chat", |summary| summary.id == *room && is_direct(summary)).await;
    }

    /// Waits until so many are in a room.
    pub async fn sees_members(&mut self, room: &RoomId, members: u64) {
        self.room("the members", |summary| summary.id == *room && summary.joined_members == members).await;
    }

    /// Puts text where the cursor is.
    pub fn paste(&mut self, text: &str) {
        self.take_in(Event::Paste(text.to_owned()));
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key) {
        self.take_in(Event::Key(key));
    }

    /// Sends a line into a room.
    pub fn say(&mut self, room: &RoomId, text: &str) {
        self.run(TimelineRequest::Send { room_id: room.clone(), text: text.to_owned(), reply_to: None });
    }

    /// The messages of the open room.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.app.timelines.shown().into_iter().flat_map(|open| &open.items).filter_map(|item| match &item.kind {
            TimelineItemKind::Message(message) => Some(&**message),
            _ => None,
        })
    }

    /// The id of the message that says exactly this in the open room, once it is on the server and
    /// readable.
    pub async fn sees(&mut self, text: &str) -> EventId {
        self.until(&format!("the message '{text}'"), |p| {
            p.messages().find(|message| body(message) == text).and_then(|message| message.event_id.clone())
        })
        .await
    }

    /// The item in the open room that says exactly this.
    pub fn key_of(&self, text: &str) -> ItemKey {
        let items = self.app.timelines.shown().into_iter().flat_map(|open| &open.items);
        let mut keys = items.filter_map(|item| match &item.kind {
            TimelineItemKind::Message(message) if body(message) == text => Some(item.key.clone()),
            _ => None,
        });
        keys.next().expect("the message is there")
    }

    /// Waits until what is known about an own message's delivery is as wanted.
    pub async fn delivery<T>(
        &mut self,
        event: &EventId,
        what: &str,
        mut found: impl FnMut(&Delivery) -> Option<T>,
    ) -> T {
        self.until(what, |p| p.app.timelines.shown()?.deliveries.get(event).and_then(&mut found)).await
    }

    /// Waits until exactly these devices of one person have an own message.
    pub async fn delivered_to(&mut self, event: &EventId, user: &str, devices: &[String]) {
        let user = UserId::new(user);
        let mut wanted = devices.to_vec();
        wanted.sort();
        let what = format!("the receipts of {wanted:?}");
        self.delivery(event, &what, |delivery| (delivered(delivery, &user) == wanted).then_some(())).await;
    }

    /// Waits until this is what own other devices did with an own message, by id: `true` when it
    /// has it, `false` when nothing is known of it.
    pub async fn own_devices_are(&mut self, event: &EventId, wanted: &[(String, bool)]) {
        let mut wanted = wanted.to_vec();
        wanted.sort();
        let known = |delivery: &Delivery| {
            let devices = delivery.own_devices.iter().filter_map(|device| {
                let id = device.device_id.as_ref()?.to_string();
                match device.state {
                    DeviceState::Delivered { .. } => Some((id, true)),
                    DeviceState::Unknown => Some((id, false)),
                    _ => None,
                }
            });
            devices.collect::<Vec<_>>() == wanted
        };
        let what = format!("the own devices {wanted:?}");
        self.delivery(event, &what, |delivery| known(delivery).then_some(())).await;
    }

    /// The own messages that not every device has.
    pub async fn undelivered(&mut self) -> Vec<Undelivered> {
        match self.reply(ReceiptsRequest::AskUndelivered).await {
            Reply::Undelivered(found) => found,
            other => panic!("{other:?}"),
        }
    }

    /// These people of an own message to many, page after page.
    pub async fn people(&mut self, event: &EventId, whom: PeopleFilter) -> Vec<PersonDelivery> {
        let (mut people, mut after): (Vec<PersonDelivery>, _) = (Vec::new(), None);
        loop {
            let request = ReceiptsRequest::AskPeople { event_id: event.clone(), filter: whom, after };
            let page = match self.reply(request).await {
                Reply::People(page) => page,
                other => panic!("{other:?}"),
            };
            people.extend(page.people);
            if !page.more {
                assert_eq!(page.all, people.len());
                return people;
            }
            after = people.last().map(|person| person.user_id.clone());
        }
    }

    /// The devices of a person that have an own message, as it is known now.
    pub fn ticks(&self, event: &EventId, user: &str) -> Vec<String> {
        let open = self.app.timelines.shown().expect("a room is open");
        open.deliveries.get(event).map(|known| delivered(known, &UserId::new(user))).unwrap_or_default()
    }

    /// What this client did about a message, once it has looked at it.
    pub async fn status_of(&mut self, room: &RoomId, event: &EventId) -> ReceiptStatus {
        self.status_that(room, event, |status| *status != ReceiptStatus::NotConsidered).await
    }

    /// What this client has done about an event up to now.
    pub async fn status_now(&mut self, room: &RoomId, event: &EventId) -> ReceiptStatus {
        self.status_that(room, event, |_| true).await
    }

    /// What this client did about a message, once nothing more is to be done about it.
    pub async fn last_status_of(&mut self, room: &RoomId, event: &EventId) -> ReceiptStatus {
        let is_last = |status: &_| matches!(status, ReceiptStatus::Sent { .. } | ReceiptStatus::Withheld { .. });
        self.status_that(room, event, is_last).await
    }

    /// The log of receipts, or what is left of it after this request.
    pub async fn log(&mut self, request: ReceiptsRequest) -> ReceiptLog {
        match self.reply(request).await {
            Reply::ReceiptLog(log) => log,
            other => panic!("{other:?}"),
        }
    }

    /// The log of receipts, once it is as wanted.
    pub async fn log_that(&mut self, what: &str, is_it: impl Fn(&ReceiptLog) -> bool) -> ReceiptLog {
        let found = timeout(DEADLINE, async {
            loop {
                let log = self.log(ReceiptsRequest::AskReceiptLog).await;
                if is_it(&log) {
                    return log;
                }
            }
        });
        found.await.unwrap_or_else(|_elapsed| panic!("waited for {what}"))
    }

    /// How many claims were not believed, by reason, once there were so many at least. What is
    /// about messages that nobody knows is left out: it is counted after a minute, for which no
    /// test waits.
    pub async fn disbelieves(&mut self, wanted: &[(Refusal, u64)]) {
        let count = |log: &ReceiptLog, refusal: Refusal| {
            let row = log.not_believed.iter().find(|row| (row.rule, row.why) == (refusal.rule(), refusal.why()));
            row.map_or(0, |row| row.claims)
        };
        let what = format!("claims that are not believed: {wanted:?}");
        let log = self.log_that(&what, |log| wanted.iter().all(|(refusal, n)| count(log, *refusal) >= *n)).await;
        let mut found = log.not_believed;
        found.retain(|row| row.why != Refusal::Unknown.why());
        let not_believed = |(refusal, claims): &(Refusal, u64)| NotBelieved {
            claims: *claims,
            rule: refusal.rule(),
            why: refusal.why(),
        };
        assert_eq!(found, wanted.iter().map(not_believed).collect::<Vec<_>>());
    }

    /// What this client did about a message, once it is as wanted.
    pub async fn status_that(
        &mut self,
        room: &RoomId,
        event: &EventId,
        is_it: impl Fn(&ReceiptStatus) -> bool,
    ) -> ReceiptStatus {
        let ask = || ReceiptsRequest::AskReceiptStatus { room_id: room.clone(), event_id: event.clone() };
        let found = timeout(DEADLINE, async {
            loop {
                match self.reply(ask()).await {
                    Reply::ReceiptStatus { status, .. } if is_it(&status) => return status,
                    Reply::ReceiptStatus { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        });
        found.await.unwrap_or_else(|_elapsed| panic!("waited for what was done about a message"))
    }

    /// The rule for which this client withholds a receipt; anything else that it did, in words.
    pub async fn withheld_by(&mut self, room: &RoomId, event: &EventId) -> String {
        match self.status_of(room, event).await {
            ReceiptStatus::Withheld { rule, .. } => rule.to_owned(),
            other => format!("{other:?}"),
        }
    }

    /// Where the profile is.
    pub fn profile_dir(&self) -> &Path {
        &self.profile.dir
    }

    /// This device's id.
    pub fn device(&self) -> String {
        self.app.account.as_ref().expect("logged in").device.to_string()
    }
}

/// One starts an encrypted direct chat, the other accepts; both have it open.
pub async fn direct_chat(from: &mut Person, to: &mut Person, user: &str) -> RoomId {
    from.run(RoomsRequest::DirectChat(user.to_owned()));
    let room = from.room("the new chat", |summary| summary.direct && summary.encrypted).await;
    from.open(&room).await;
    to.room("the invite", |summary| summary.id == room).await;
    to.run(RoomsRequest::Accept(room.clone()));
    to.room("the joined room", |summary| summary.id == room && summary.membership == Membership::Joined).await;
    to.open(&room).await;
    from.sees_members(&room, 2).await;
    room
}

/// An encrypted room of one's own, open, in which something was said.
pub async fn room_with_a_history(person: &mut Person) -> RoomId {
    person.run(RoomsRequest::CreateRoom("notes".to_owned()));
    let room = person.room("the room", |summary| summary.name.as_str() == "notes" && summary.encrypted).await;
    person.open(&room).await;
    person.say(&room, "of old");
    person.sees("of old").await;
    room
}

/// Makes an encrypted room of this name that both have open; who is invited may remove none of the
/// other's messages.
pub async fn shared_room(from: &mut Person, to: &mut Person, user: &str, name: &str) -> RoomId {
    from.run(RoomsRequest::CreateRoom(name.to_owned()));
    let room = from.room("the room", |summary| summary.name.as_str() == name).await;
    from.open(&room).await;
    from.run(RoomsRequest::Invite { room_id: room.clone(), user: user.to_owned() });
    to.room("the invite", |summary| summary.id == room).await;
    to.run(RoomsRequest::Accept(room.clone()));
    to.room("the joined room", |summary| summary.membership == Membership::Joined).await;
    to.open(&room).await;
    from.sees_members(&room, 2).await;
    room
}

/// The devices of a person that have a message, sorted, with [`SOME_DEVICE`] where nobody knows
/// which one.
fn delivered(delivery: &Delivery, user: &UserId) -> Vec<String> {
    let devices = delivery.people.iter().filter(|person| person.user_id == *user).flat_map(|person| &person.devices);
    let mut delivered: Vec<String> = devices
        .filter(|device| matches!(device.state, DeviceState::Delivered { .. }))
        .map(|device| device.device_id.as_ref().map_or(SOME_DEVICE.to_owned(), ToString::to_string))
        .collect();
    delivered.sort();
    delivered
}

/// The plain text of a message.
pub fn body(message: &Message) -> String {
    let lines = match &message.body {
        Body::Text(lines) | Body::Emote(lines) | Body::Notice(lines) => lines,
        Body::Unsupported(unsupported) => &unsupported.body,
        other => return format!("{other:?}"),
    };
    let lines: Vec<String> =
        lines.iter().map(|line| line.spans.iter().map(|span| span.text.as_str()).collect::<String>()).collect();
    lines.join("\n")
}

/// The time of day.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is right");
    Timestamp::EPOCH + since
}
