//! The functions that active extensions offer, as `SYM_EXTENSIONS` tells them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use futures_util::StreamExt;
use symphony_protocol::{ExtensionEvent, Function, decode};
use symphony_sdk::{Bus, Error, Shutdown};
use symphony_workflow::Functions;

/// Functions by capability, and who offers each.
#[derive(Clone, Debug, Default)]
pub struct Known {
    functions: BTreeMap<String, Function>,
    workers: HashMap<String, Vec<String>>,
}

impl Known {
    pub fn apply(&mut self, event: ExtensionEvent) {
        match (event.event.as_str(), event.manifest) {
            ("activated", Some(manifest)) => {
                let names = manifest
                    .functions
                    .iter()
                    .map(|function| function.capability.clone())
                    .collect();
                self.workers.insert(event.worker, names);
                for function in manifest.functions {
                    self.functions.insert(function.capability.clone(), function);
                }
            }
            ("unloaded", _) => {
                let gone = self.workers.remove(&event.worker).unwrap_or_default();
                let still: Vec<&String> = self.workers.values().flatten().collect();
                let lost: Vec<String> = gone.into_iter().filter(|name| !still.contains(&name)).collect();
                for name in lost {
                    self.functions.remove(&name);
                }
            }
            _ => {}
        }
    }
}

impl Functions for Known {
    fn function(&self, capability: &str) -> Option<&Function> {
        self.functions.get(capability)
    }

    fn names(&self) -> Vec<&str> {
        self.functions.keys().map(String::as_str).collect()
    }

    fn complete(&self) -> bool {
        !self.functions.is_empty()
    }
}

/// Shared by the service's partitions; a reader never waits for the broker.
pub type Registry = Arc<RwLock<Known>>;

/// Follow the life cycle of extensions until told to stop.
pub async fn follow(bus: Bus, registry: Registry, mut shutdown: Shutdown) {
    while !shutdown.is_set() {
        tokio::select! {
            outcome = follow_once(&bus, &registry) => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "following the extensions");
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            () = shutdown.requested() => return,
        }
    }
}

async fn follow_once(bus: &Bus, registry: &Registry) -> Result<(), Error> {
    let stream = bus
        .jetstream()
        .get_stream("SYM_EXTENSIONS")
        .await
        .map_err(Error::unavailable)?;
    let consumer = stream
        .create_consumer(OrderedConfig {
            deliver_subject: bus.client().new_inbox(),
            filter_subjects: vec!["sym.ext.activated".to_owned(), "sym.ext.unloaded".to_owned()],
            deliver_policy: DeliverPolicy::All,
            ..Default::default()
        })
        .await
        .map_err(Error::unavailable)?;
    let mut messages = consumer.messages().await.map_err(Error::unavailable)?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(Error::unavailable)?;
        match decode::<ExtensionEvent>(&message.payload) {
            Ok(event) => {
                if let Ok(mut known) = registry.write() {
                    known.apply(event);
                }
            }
            Err(error) => tracing::warn!(%error, "an extension event is passed over"),
        }
    }
    Ok(())
}
