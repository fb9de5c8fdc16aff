//! The bus: one connection to the broker, as the user that this process is.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::{self, context::PublishAckFuture, context::PublishErrorKind};
use async_nats::{Client, ConnectOptions, HeaderMap, Subscriber};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use symphony_protocol::{Bounded, decode, encode};

use crate::error::{Error, ErrorKind};

/// How long a request waits for its answer unless it says otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages that may wait in one subscription; a beat takes all of them, so this is room for a pause of the process.
const SUBSCRIPTION_CAPACITY: usize = 65_536;

/// Where the broker is, and who we are to it.
#[derive(Clone, Debug, Default)]
pub struct BusOptions {
    pub url: String,
    /// The credentials file of this process's user; none for a broker without accounts.
    pub credentials: Option<PathBuf>,
    /// The user's name: it stands in the inbox prefix, `_INBOX_<name>`.
    pub name: String,
}

impl BusOptions {
    /// From `SYMPHONY_URL` and `SYMPHONY_CREDS`.
    pub fn from_env(name: &str) -> Self {
        Self {
            url: std::env::var("SYMPHONY_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned()),
            credentials: std::env::var_os("SYMPHONY_CREDS").map(PathBuf::from),
            name: name.to_owned(),
        }
    }
}

/// A cheap handle: clones share the connection.
#[derive(Clone)]
pub struct Bus {
    client: Client,
    log: jetstream::Context,
}

impl Bus {
    /// Connect, and stay connected: the client reconnects for ever with growing, spread delays.
    pub async fn connect(options: &BusOptions) -> Result<Self, Error> {
        let mut connect = ConnectOptions::new()
            .name(&options.name)
            .custom_inbox_prefix(format!("_INBOX_{}", options.name.replace('.', "-")))
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(REQUEST_TIMEOUT))
            .max_reconnects(None)
            .reconnect_delay_callback(delay)
            .event_callback(|event| async move {
                match event {
                    async_nats::Event::Connected => tracing::debug!("connected to the broker"),
                    event => tracing::warn!(%event, "broker connection"),
                }
            });
        if let Some(path) = &options.credentials {
            connect = connect.credentials_file(path).await.map_err(|error| {
                Error::new(
                    ErrorKind::Config,
                    format!("credentials {}: {error}", path.display()),
                )
            })?;
        }
        let client = connect
            .connect(&options.url)
            .await
            .map_err(|error| Error::unavailable(format!("{}: {error}", options.url)))?;
        let log = jetstream::context::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(REQUEST_TIMEOUT)
            .build(client.clone());
        Ok(Self { client, log })
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn jetstream(&self) -> &jetstream::Context {
        &self.log
    }

    /// A core message: sent once, lost if nobody listens.
    pub async fn publish<T: Serialize>(&self, subject: String, message: &T) -> Result<(), Error> {
        self.publish_bytes(subject, encode(message)?.into()).await
    }

    pub async fn publish_bytes(&self, subject: String, data: Bytes) -> Result<(), Error> {
        self.client
            .publish(subject, data)
            .await
            .map_err(Error::unavailable)
    }

    /// A durable message. The future that comes back resolves once the broker has it on disk.
    pub async fn publish_log(
        &self,
        subject: String,
        data: Bytes,
        headers: Option<HeaderMap>,
    ) -> Result<PublishAckFuture, Error> {
        let sent = match headers {
            Some(headers) => self.log.publish_with_headers(subject, headers, data).await,
            None => self.log.publish(subject, data).await,
        };
        sent.map_err(publish_error)
    }

    pub async fn subscribe(&self, subject: String) -> Result<Subscriber, Error> {
        self.client.subscribe(subject).await.map_err(Error::unavailable)
    }

    /// Ask a service and wait for its answer.
    pub async fn request<Q: Serialize, A: DeserializeOwned + Bounded>(
        &self,
        subject: String,
        message: &Q,
    ) -> Result<A, Error> {
        let reply = self
            .client
            .request(subject.clone(), encode(message)?.into())
            .await
            .map_err(|error| {
                let kind = match error.kind() {
                    async_nats::RequestErrorKind::TimedOut => ErrorKind::TimedOut,
                    _ => ErrorKind::Unavailable,
                };
                Error::new(kind, format!("{subject}: {error}"))
            })?;
        if let Some(code) = reply
            .headers
            .as_ref()
            .and_then(|h| h.get("Nats-Service-Error-Code"))
        {
            let kind = if code.as_str() == "404" {
                ErrorKind::NotFound
            } else {
                ErrorKind::Invalid
            };
            let text = reply.headers.as_ref().and_then(|h| h.get("Nats-Service-Error"));
            return Err(Error::new(
                kind,
                text.map_or_else(String::new, |t| t.as_str().to_owned()),
            ));
        }
        Ok(decode(&reply.payload)?)
    }

    /// Everything that was published has reached the broker.
    pub async fn flush(&self) -> Result<(), Error> {
        self.client.flush().await.map_err(Error::unavailable)
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }
}

/// The error of a durable publish, by kind.
pub fn publish_error(error: async_nats::jetstream::context::PublishError) -> Error {
    let text = error.to_string();
    let kind = match error.kind() {
        PublishErrorKind::WrongLastSequence => ErrorKind::Fenced,
        PublishErrorKind::TimedOut | PublishErrorKind::MaxAckPending => ErrorKind::TimedOut,
        PublishErrorKind::StreamNotFound => ErrorKind::NotFound,
        _ if text.contains("maximum") => ErrorKind::Busy,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, text)
}

/// 10 ms at first, 2 s at most, spread by the clock's low bits so that a mesh does not return in one instant.
fn delay(attempt: usize) -> Duration {
    let base = 10_u64.saturating_mul(1 << attempt.min(8)).min(2_000);
    let spread = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| u64::from(now.subsec_nanos()) % (base / 2 + 1));
    Duration::from_millis(base / 2 + spread)
}
