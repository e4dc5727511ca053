//! From HTTP to the world and back.
//!
//! An endpoint is a function from the world, who asks, and a request of ruma's to its response.
//! ruma's types know method, paths and how the request is authenticated, so [`Routes::on`] needs
//! nothing but the function. Everything that can be wrong with a request is answered here, before
//! the function: too large, no JSON, no token, a token that nobody has.

use std::{
    future::{Ready, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{self, Method, StatusCode},
    response::Response,
    routing::{MethodFilter, on},
};
use ruma::{
    api::{
        IncomingRequest, Metadata, OutgoingResponse,
        auth_scheme::{AccessToken, AccessTokenOptional, AppserviceTokenOptional, AuthScheme, NoAccessToken},
        client::uiaa::UiaaResponse,
        error::{DeserializationError, ErrorKind, FromHttpRequestError},
        path_builder::PathBuilder,
    },
    serde::Raw,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Options,
    error::{Answer, bad_json, error, failed, invalid, too_large, unknown_token},
    world::{Caller, World},
};
use crate::clock::now;

/// No request may be larger; media are the largest.
pub const LARGEST_BODY: usize = 8 << 20;

/// What all requests share.
pub struct Shared {
    world: Mutex<World>,
    position: watch::Sender<u64>,
}

impl Shared {
    pub fn new(options: Options) -> Self {
        Self { world: Mutex::new(World::new(options)), position: watch::Sender::new(0) }
    }

    /// Does something with the world as it is now, and wakes the syncs when that changed it.
    pub fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let (done, position) = {
            let mut world = self.lock();
            world.now = now();
            (act(&mut world), world.position)
        };
        self.position.send_if_modified(|known| std::mem::replace(known, position) != position);
        done
    }

    /// Is told whenever something has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    /// A request that panicked has changed the world as far as it came: the others go on.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Endpoints, being collected.
#[derive(Default)]
pub struct Routes {
    router: Router<Arc<Shared>>,
}

impl Routes {
    /// All that were collected.
    pub fn into_router(self) -> Router<Arc<Shared>> {
        self.router
    }

    /// An endpoint that answers at once, on all paths that it has in any version of the
    /// specification.
    pub fn on<R>(
        self,
        act: impl Fn(&mut World, <R::Authentication as Scheme>::Who, R) -> Answer<R::OutgoingResponse>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Self
    where
        R: IncomingRequest<Authentication: Scheme> + Send + 'static,
        R::OutgoingResponse: Send,
    {
        self.later(at_once(act))
    }

    /// An endpoint that may take its time, such as a sync.
    pub fn later<R, F>(
        mut self,
        act: impl Fn(Arc<Shared>, <R::Authentication as Scheme>::Who, R) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        R: IncomingRequest<Authentication: Scheme> + Send + 'static,
        F: Future<Output = Answer<R::OutgoingResponse>> + Send + 'static,
    {
        for path in R::PATH_BUILDER.all_paths() {
            self = self.on_path(path, act.clone());
        }
        self
    }

    /// An endpoint on one path, for those that ruma leaves out.
    pub fn on_path<R, F>(
        self,
        path: &str,
        act: impl Fn(Arc<Shared>, <R::Authentication as Scheme>::Who, R) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        R: IncomingRequest<Authentication: Scheme> + Send + 'static,
        F: Future<Output = Answer<R::OutgoingResponse>> + Send + 'static,
    {
        self.plain(R::METHOD, path, move |shared, request| {
            let act = act.clone();
            async move {
                let output = R::Authentication::extract_authentication(&request.http).map_err(|_| no_token())?;
                let who = shared.with(|world| R::Authentication::who(world, output))?;
                let request = R::try_from_http_request(request.http, &request.path).map_err(malformed)?;
                respond(act(shared, who, request).await?)
            }
        })
    }

    /// An endpoint with the method and paths of a request of ruma's, which is read by the function
    /// itself.
    pub fn plainly<R: Metadata, F>(self, act: impl Fn(Arc<Shared>, Plain) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer<Response>> + Send + 'static,
    {
        R::PATH_BUILDER.all_paths().fold(self, |routes, path| routes.plain(R::METHOD, path, act.clone()))
    }

    /// An endpoint for whose request or answer ruma has no type.
    pub fn plain<F>(
        self,
        method: Method,
        path: &str,
        act: impl Fn(Arc<Shared>, Plain) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer<Response>> + Send + 'static,
    {
        let handler = async move |State(shared): State<Arc<Shared>>, path: PathParams, request: Request| {
            let answer = match Plain::read(path, request).await {
                Ok(request) => act(shared, request).await,
                Err(error) => Err(error),
            };
            answer.unwrap_or_else(refusal)
        };
        let filter = MethodFilter::try_from(method).unwrap_or(MethodFilter::GET);
        Self { router: self.router.route(path, on(filter, handler)) }
    }
}

/// Holds the world while a function runs, and no longer.
pub fn at_once<W, R, T: Send>(
    act: impl Fn(&mut World, W, R) -> Answer<T> + Clone,
) -> impl Fn(Arc<Shared>, W, R) -> Ready<Answer<T>> + Clone {
    move |shared, who, request| ready(shared.with(|world| act(world, who, request)))
}

/// What stands in a path's variables, unless it is no text.
type PathParams = Result<RawPathParams, RawPathParamsRejection>;

/// A request as it came, with its body read.
pub struct Plain {
    /// What stands in the path's variables, in their order, decoded.
    pub path: Vec<String>,
    /// The request.
    pub http: http::Request<Bytes>,
}

impl Plain {
    async fn read(path: PathParams, request: Request) -> Answer<Self> {
        let path = path.map_err(|why| invalid(why.body_text()))?;
        let path = path.iter().map(|(_, value)| value.to_owned()).collect();
        let (head, body) = request.into_parts();
        let body = to_bytes(body, LARGEST_BODY)
            .await
            .map_err(|_| too_large(format!("A request may have {LARGEST_BODY} bytes")))?;
        Ok(Self { path, http: http::Request::from_parts(head, body) })
    }

    /// Who asks: the token is the only thing that says so.
    pub fn caller(&self, world: &mut World) -> Answer<Caller> {
        let token = AccessToken::extract_authentication(&self.http).map_err(|_| no_token())?;
        AccessToken::who(world, token)
    }
}

/// How an endpoint learns who asks.
pub trait Scheme: AuthScheme {
    /// Who asks.
    type Who: Send;

    /// Finds out, from what the request says.
    fn who(world: &mut World, said: Self::Output) -> Answer<Self::Who>;
}

impl Scheme for NoAccessToken {
    type Who = ();

    fn who(_: &mut World, (): ()) -> Answer<()> {
        Ok(())
    }
}

impl Scheme for AccessToken {
    type Who = Caller;

    fn who(world: &mut World, token: String) -> Answer<Caller> {
        world.caller(&token).ok_or_else(unknown_token)
    }
}

/// There are no application services here: who registers or logs in is nobody yet.
impl Scheme for AppserviceTokenOptional {
    type Who = ();

    fn who(_: &mut World, _: Option<String>) -> Answer<()> {
        Ok(())
    }
}

impl Scheme for AccessTokenOptional {
    type Who = Option<Caller>;

    fn who(world: &mut World, token: Option<String>) -> Answer<Option<Caller>> {
        token.map(|token| AccessToken::who(world, token)).transpose()
    }
}

fn no_token() -> UiaaResponse {
    error(StatusCode::UNAUTHORIZED, ErrorKind::MissingToken, "This needs an access token")
}

/// What a request is told that ruma cannot read.
pub fn malformed(why: FromHttpRequestError) -> UiaaResponse {
    match why {
        FromHttpRequestError::Deserialization(DeserializationError::Json(why)) => bad_json(why),
        other => invalid(other.to_string()),
    }
}

/// A response of ruma's as it goes out.
pub fn respond(response: impl OutgoingResponse) -> Answer<Response> {
    Ok(response.try_into_http_response::<Vec<u8>>().map_err(failed)?.map(Body::from))
}

/// JSON as it goes out.
pub fn json(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// What ruma has left as it came, read as something else.
pub fn read<T: DeserializeOwned, R>(raw: &Raw<R>) -> Answer<T> {
    raw.deserialize_as_unchecked().map_err(bad_json)
}

/// Something as ruma lets it go out unread.
pub fn raw<R>(value: &impl Serialize) -> Answer<Raw<R>> {
    Ok(Raw::new(value).map_err(failed)?.cast_unchecked())
}

/// An error as it goes out.
pub fn refusal(error: UiaaResponse) -> Response {
    respond(error).unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
