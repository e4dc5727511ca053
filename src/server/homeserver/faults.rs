//! What the homeserver does wrong when told to, for tests of what a client makes of it.
//!
//! Networks lose, delay, double and reorder; homeservers are busy, or break. A client has to come
//! out of all of it with every message sent once and no receipt lost. That can only be tried on a
//! server that does these things on demand, so a layer over all routes of a [`Faulty`] homeserver
//! looks at every request: [`Faults::next`] says which ones are to go wrong, how, and how often. It
//! returns the [`Strikes`], which tell how often it has happened, so that a test can prove that it
//! tried what it says.
//!
//! The demo needs none of this. It is in the library all the same, because the tests under `tests/`
//! see what everybody sees of it, and a cargo feature would have to be named with every `cargo
//! test`. But nothing of it is in the program: who starts a plain [`Homeserver`] calls nothing
//! here, so the linker leaves it out.
//!
//! A connection is broken by an answer whose body fails: hyper then drops the connection. The head
//! waits in hyper's buffer until the body has been asked for the first time, so an answer that
//! fails at once is never seen at all.

use std::{
    future::{pending, ready},
    io,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_LENGTH, response},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use futures_util::{StreamExt, stream};
use ruma::{
    OwnedUserId, UserId,
    api::error::{ErrorKind, LimitExceededErrorData, RetryAfter},
};
use tokio::{sync::watch, task::yield_now, time::sleep};

use super::{
    Homeserver, Options,
    error::{error, failed},
    http::{LARGEST_BODY, Shared, refusal},
};

/// A homeserver that does wrong what it is told to.
pub struct Faulty {
    homeserver: Homeserver,
    faults: Arc<Faults>,
}

impl Faulty {
    /// As [`Homeserver::start`]; nothing goes wrong yet.
    pub fn start(options: Options) -> io::Result<Self> {
        let faults = Arc::<Faults>::default();
        let homeserver = Homeserver::start_behind(options, |router, shared| {
            router.layer(from_fn_with_state((Arc::clone(&faults), Arc::clone(shared)), strike))
        })?;
        Ok(Self { homeserver, faults })
    }

    /// What it is to do wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Deref for Faulty {
    type Target = Homeserver;

    fn deref(&self) -> &Homeserver {
        &self.homeserver
    }
}

/// One way for a request to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks, and nothing was done.
    Refused,
    /// 429 `M_LIMIT_EXCEEDED` with this `Retry-After`, and nothing was done.
    Limited(Duration),
    /// 500 `M_UNKNOWN`, and nothing was done.
    Failed,
    /// It waits until the next request that matches has been answered.
    Overtaken,
    /// It is done twice, as by a proxy that tries again; the second answer counts.
    Twice,
    /// It is done at once and answered so much later.
    Late(Duration),
    /// It is done, and the connection breaks before the answer.
    Lost,
    /// It is done, and the connection breaks in the middle of the answer's body.
    Half,
}

impl Fault {
    /// Whether it befalls the answer, when the request has been done.
    fn is_of_answer(self) -> bool {
        matches!(self, Self::Late(_) | Self::Lost | Self::Half)
    }
}

/// Which requests are meant.
#[derive(Clone, Debug)]
pub struct Matching {
    path: String,
    user_id: Option<OwnedUserId>,
    answer: Option<String>,
}

impl Matching {
    /// Those with this in their path, as it is written in the request.
    pub fn path(part: &str) -> Self {
        Self { path: part.to_owned(), user_id: None, answer: None }
    }

    /// Of these, those by this user.
    #[must_use]
    pub fn by(self, user: &UserId) -> Self {
        Self { user_id: Some(user.to_owned()), ..self }
    }

    /// Of these, those whose answer has this in its body. Only a fault of the answer can know that:
    /// [`Fault::Late`], [`Fault::Lost`], [`Fault::Half`].
    #[must_use]
    pub fn answering(self, part: &str) -> Self {
        Self { answer: Some(part.to_owned()), ..self }
    }

    fn is(&self, asked: &Asked) -> bool {
        asked.path.contains(&self.path) && self.user_id.as_ref().is_none_or(|user| asked.user_id.as_ref() == Some(user))
    }

    fn is_answered_by(&self, body: &[u8]) -> bool {
        self.answer.as_ref().is_none_or(|part| body.windows(part.len()).any(|window| window == part.as_bytes()))
    }
}

/// What a request is known by.
struct Asked {
    path: String,
    user_id: Option<OwnedUserId>,
}

/// What is to go wrong; nothing unless told so.
#[derive(Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
}

struct Rule {
    matching: Matching,
    fault: Fault,
    left: usize,
    struck: watch::Sender<usize>,
    /// Counts the answers to what matches, for those that are to be overtaken.
    answered: watch::Sender<usize>,
}

impl Faults {
    /// The next `times` requests of this kind go wrong in this way. Of several rules for a request,
    /// the oldest that is not used up strikes.
    pub fn next(&self, matching: Matching, times: usize, fault: Fault) -> Strikes {
        let (struck, strikes) = watch::channel(0);
        let answered = watch::Sender::new(0);
        self.rules().push(Rule { matching, fault, left: times, struck, answered });
        Strikes(strikes)
    }

    /// From now on nothing goes wrong any more, and what was held back goes on.
    pub fn heal(&self) {
        self.rules().clear();
    }

    /// What befalls a request before it is done, and news of the answers to others like it.
    fn of_request(&self, asked: &Asked) -> Option<(Fault, watch::Receiver<usize>)> {
        let mut rules = self.rules();
        let rule = rules.iter_mut().find(|rule| !rule.fault.is_of_answer() && rule.is_ready_for(asked))?;
        rule.strike();
        Some((rule.fault, rule.answered.subscribe()))
    }

    /// What befalls the answer. It counts as one for those that wait to be overtaken.
    fn of_answer(&self, asked: &Asked, body: &[u8]) -> Option<Fault> {
        let mut rules = self.rules();
        for rule in rules.iter().filter(|rule| rule.matching.is(asked)) {
            rule.answered.send_modify(|answered| *answered += 1);
        }
        let rule = rules
            .iter_mut()
            .find(|rule| rule.fault.is_of_answer() && rule.is_ready_for(asked) && rule.matching.is_answered_by(body))?;
        rule.strike();
        Some(rule.fault)
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    fn is_ready_for(&self, asked: &Asked) -> bool {
        self.left > 0 && self.matching.is(asked)
    }

    fn strike(&mut self) {
        self.left -= 1;
        self.struck.send_modify(|struck| *struck += 1);
    }
}

/// How often something went wrong.
#[derive(Clone, Debug)]
pub struct Strikes(watch::Receiver<usize>);

impl Strikes {
    /// So often until now.
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until it has happened so often; for ever, if it does not.
    pub async fn reach(&mut self, count: usize) {
        if self.0.wait_for(|struck| *struck >= count).await.is_err() {
            pending::<()>().await;
        }
    }
}

/// The layer: does to each request what it is told to.
async fn strike(State((faults, shared)): State<(Arc<Faults>, Arc<Shared>)>, request: Request, next: Next) -> Response {
    let asked = asked(&shared, &request);
    let answer = match faults.of_request(&asked) {
        Some((Fault::Refused, _)) => return lost(),
        Some((Fault::Limited(after), _)) => limited(after),
        Some((Fault::Failed, _)) => refusal(failed("It was told to fail")),
        Some((Fault::Twice, _)) => twice(request, next).await,
        Some((Fault::Overtaken, mut answered)) => {
            // It goes on too when nothing is to go wrong any more.
            let _ = answered.changed().await;
            next.run(request).await
        }
        _ => next.run(request).await,
    };
    let (head, body) = answer.into_parts();
    // The bodies of this homeserver are in memory as a whole.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    match faults.of_answer(&asked, &body) {
        Some(Fault::Lost) => lost(),
        Some(Fault::Half) => half(head, &body),
        Some(Fault::Late(wait)) => {
            sleep(wait).await;
            Response::from_parts(head, Body::from(body))
        }
        _ => Response::from_parts(head, Body::from(body)),
    }
}

fn asked(shared: &Shared, request: &Request) -> Asked {
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let user = token.and_then(|token| shared.with(|world| Some(world.tokens.get(token)?.user_id.clone())));
    Asked { path: request.uri().path().to_owned(), user_id: user }
}

async fn twice(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let again = Request::from_parts(head.clone(), Body::from(body.clone()));
    next.clone().run(again).await;
    next.run(Request::from_parts(head, Body::from(body))).await
}

fn limited(after: Duration) -> Response {
    let mut data = LimitExceededErrorData::new();
    data.retry_after = Some(RetryAfter::Delay(after));
    refusal(error(StatusCode::TOO_MANY_REQUESTS, ErrorKind::LimitExceeded(data), "It was told to be busy"))
}

/// An answer that ends before it has begun, and its connection with it.
fn lost() -> Response {
    Response::new(Body::from_stream(stream::once(async { Err::<Bytes, _>(reset()) })))
}

/// An answer that ends in its middle, and its connection with it.
fn half(mut head: response::Parts, body: &Bytes) -> Response {
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    let first = stream::once(ready(Ok(body.slice(..body.len() / 2))));
    let then = stream::once(async {
        // hyper sends what it has when it has to wait for more.
        yield_now().await;
        Err(reset())
    });
    Response::from_parts(head, Body::from_stream(first.chain(then)))
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
