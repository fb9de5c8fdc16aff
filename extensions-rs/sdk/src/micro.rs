//! A NATS micro service: `$SRV.PING`, `INFO` and `STATS` list it, with its version and the messages of each endpoint.
//!
//! Calls of all endpoints arrive in one bounded channel, so that a service is one loop around its core and needs no locks.

use std::collections::HashMap;

use async_nats::service::{Request, Service, ServiceExt, error as service_error};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use symphony_protocol::{Bounded, decode, encode};
use tokio::sync::mpsc;

use crate::VERSION;
use crate::bus::Bus;
use crate::error::{Error, ErrorKind};
use crate::metrics::METRICS;

/// Calls that wait for the service's loop; a caller's patience ends long before as many are answered.
const CALLS_MAX: usize = 1024;

/// One operation: its name, its subject, and the messages that it takes and gives.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub name: &'static str,
    pub subject: String,
    pub request: &'static str,
    pub reply: &'static str,
}

/// A running micro service; dropping it takes it off the mesh.
pub struct Micro {
    service: Service,
}

/// A request that waits for its answer.
pub struct Call {
    pub name: &'static str,
    pub subject: String,
    pub payload: Bytes,
    request: Request,
}

impl Micro {
    pub async fn start(
        bus: &Bus,
        name: &str,
        description: &str,
        metadata: HashMap<String, String>,
        endpoints: Vec<Endpoint>,
    ) -> Result<(Self, mpsc::Receiver<Call>), Error> {
        let service = bus
            .client()
            .service_builder()
            .description(description)
            .metadata(metadata)
            .start(name, VERSION)
            .await
            .map_err(Error::unavailable)?;
        let (sender, receiver) = mpsc::channel(CALLS_MAX);
        for endpoint in endpoints {
            let metadata = HashMap::from([
                ("request".to_owned(), endpoint.request.to_owned()),
                ("reply".to_owned(), endpoint.reply.to_owned()),
            ]);
            let mut requests = service
                .endpoint_builder()
                .name(endpoint.name)
                .metadata(metadata)
                .add(endpoint.subject)
                .await
                .map_err(Error::unavailable)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while let Some(request) = requests.next().await {
                    METRICS.calls.with_label_values(&[endpoint.name]).inc();
                    let call = Call {
                        name: endpoint.name,
                        subject: request.message.subject.to_string(),
                        payload: request.message.payload.clone(),
                        request,
                    };
                    if sender.send(call).await.is_err() {
                        return;
                    }
                }
            });
        }
        Ok((Self { service }, receiver))
    }

    pub async fn stop(self) {
        if let Err(error) = self.service.stop().await {
            tracing::debug!(%error, "stopping the micro service");
        }
    }
}

impl Call {
    /// The request as a message.
    pub fn decode<T: DeserializeOwned + Bounded>(&self) -> Result<T, Error> {
        Ok(decode(&self.payload)?)
    }

    /// Answer.
    pub async fn reply<T: Serialize>(&self, message: &T) {
        match encode(message) {
            Ok(data) => self.reply_bytes(data.into()).await,
            Err(error) => self.fail(&error.into()).await,
        }
    }

    pub async fn reply_bytes(&self, data: Bytes) {
        if let Err(error) = self.request.respond(Ok(data)).await {
            tracing::debug!(%error, subject = self.subject, "the caller is gone");
        }
    }

    /// Refuse, with the error's kind as a service error code: 400 for what the caller did, 404, 503.
    pub async fn fail(&self, error: &Error) {
        let code = match error.kind() {
            ErrorKind::Invalid | ErrorKind::Config => 400,
            ErrorKind::NotFound => 404,
            ErrorKind::Busy | ErrorKind::Unavailable | ErrorKind::TimedOut => 503,
            _ => 500,
        };
        let refusal = service_error::Error {
            status: error.to_string(),
            code,
        };
        if let Err(error) = self.request.respond(Err(refusal)).await {
            tracing::debug!(%error, subject = self.subject, "the caller is gone");
        }
    }

    /// Answer with what a handler gave.
    pub async fn finish<T: Serialize>(&self, outcome: Result<T, Error>) {
        match outcome {
            Ok(message) => self.reply(&message).await,
            Err(error) => self.fail(&error).await,
        }
    }
}
