//! A homeserver made of fixed answers, on the loopback interface: for tests of what goes wrong,
//! which a real one cannot be made to do.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(in crate::client) struct Request {
    /// Method and path, such as `GET /_matrix/client/versions`, without the query.
    pub line: String,
    /// The access token.
    pub token: Option<String>,
    /// The body.
    pub body: String,
}

impl Request {
    /// A field of a JSON body.
    pub fn field(&self, name: &str) -> Value {
        serde_json::from_str::<Value>(&self.body).unwrap()[name].clone()
    }
}

/// The server. It is gone when this is dropped.
pub(in crate::client) struct Loopback {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Everything that was asked, in order.
    pub seen: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Loopback {
    /// Answers each request by `answer`, which is given the server's own URL; `None` is silence.
    pub async fn start(answer: impl Fn(&str, &Request) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (own_url, log, answer) = (url.clone(), seen.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (own_url, log, answer) = (own_url.clone(), log.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let Some(request) = read(&mut stream).await else { return };
                    log.lock().unwrap().push(request.clone());
                    match answer(&own_url, &request) {
                        Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap_or_default(),
                        None => std::future::pending().await,
                    }
                });
            }
        });
        Self { url, seen, task }
    }

    /// Stops listening before it returns.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// The requests of this method and path.
    pub fn requests(&self, line: &str) -> Vec<Request> {
        self.seen.lock().unwrap().iter().filter(|request| request.line == line).cloned().collect()
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut request = Request::default();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if request.line.is_empty() {
            let mut words = line.split([' ', '?']);
            request.line = format!("{} {}", words.next()?, words.next()?);
        } else if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        } else if lower.starts_with("authorization:") {
            request.token = line.split_whitespace().last().map(ToOwned::to_owned);
        } else if line.trim().is_empty() {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.ok()?;
            request.body = String::from_utf8(body).ok()?;
            return Some(request);
        }
    }
}

/// A whole HTTP response.
pub(in crate::client) fn response(status: u16, headers: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\n{headers}content-type: {content_type}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

/// A JSON response.
pub(in crate::client) fn reply(status: u16, body: &Value) -> String {
    response(status, "", "application/json", &body.to_string())
}

/// An error as the Matrix spec has it.
pub(in crate::client) fn refuse(status: u16, code: &str) -> String {
    reply(status, &json!({ "errcode": code, "error": "in the server's words" }))
}

/// A homeserver that lets everybody in: user (in lower case) and device as asked for, token
/// `token-USER-N`. What `special` answers goes first.
pub(in crate::client) async fn homeserver(
    special: impl Fn(&str, &Request) -> Option<String> + Send + Sync + 'static,
) -> Loopback {
    let logins = Mutex::new(0);
    Loopback::start(move |url, request| {
        Some(special(url, request).unwrap_or_else(|| match request.line.as_str() {
            "GET /_matrix/client/versions" => reply(
                200,
                &json!({ "versions": ["v1.11"], "unstable_features": { "org.matrix.simplified_msc3575": true } }),
            ),
            "GET /_matrix/client/v3/login" => reply(200, &json!({ "flows": [{ "type": "m.login.password" }] })),
            "POST /_matrix/client/v3/login" => {
                let count = {
                    let mut logins = logins.lock().unwrap();
                    *logins += 1;
                    *logins
                };
                let user = request.field("identifier")["user"].as_str().unwrap_or("alice").to_owned();
                let user = user.trim_start_matches('@').split(':').next().unwrap().to_lowercase();
                let device = request.field("device_id").as_str().map_or(format!("DEVICE{count}"), ToOwned::to_owned);
                reply(
                    200,
                    &json!({
                        "user_id": format!("@{user}:example.org"), "device_id": device,
                        "access_token": format!("token-{user}-{count}"),
                    }),
                )
            }
            _ => refuse(404, "M_UNRECOGNIZED"),
        }))
    })
    .await
}
