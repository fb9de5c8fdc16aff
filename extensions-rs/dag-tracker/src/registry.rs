//! The functions that active extensions offer, as `SYM_EXTENSIONS` tells them.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use futures_util::StreamExt;
use symphony_protocol::{Active, ActiveList, ExtensionEvent, Function, ListActive, decode};
use symphony_sdk::{Bus, Error, Shutdown};
use symphony_workflow::Functions;

/// Functions by capability, and who offers each.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Each version once, in the order in which they came.
    functions: BTreeMap<String, Vec<Function>>,
    workers: BTreeMap<String, Offer>,
}

/// What a worker was activated with.
#[derive(Clone, Debug)]
struct Offer {
    about: Active,
    /// Functions and their versions.
    offers: Vec<(String, String)>,
}

/// Extensions of one answer: well below the bound of a list, and of a message.
const PAGE_COUNT_MAX: usize = 1024;

impl Known {
    pub fn apply(&mut self, event: ExtensionEvent) {
        match (event.event.as_str(), event.manifest) {
            ("activated", Some(manifest)) => {
                let offers = manifest
                    .functions
                    .iter()
                    .map(|function| (function.capability.clone(), function.version.clone()))
                    .collect();
                let about = Active {
                    worker: event.worker.clone(),
                    extension: event.extension,
                    version: event.version,
                    digest: event.digest,
                };
                let before = self.workers.insert(event.worker, Offer { about, offers });
                for function in manifest.functions {
                    let known = self.functions.entry(function.capability.clone()).or_default();
                    known.retain(|other| other.version != function.version);
                    known.push(function);
                }
                self.forget(before);
            }
            ("unloaded", _) => {
                let gone = self.workers.remove(&event.worker);
                self.forget(gone);
            }
            _ => {}
        }
    }

    /// What a worker offered, and nobody offers any more.
    fn forget(&mut self, gone: Option<Offer>) {
        for offer in gone.into_iter().flat_map(|gone| gone.offers) {
            if self.workers.values().any(|other| other.offers.contains(&offer)) {
                continue;
            }
            let (name, version) = offer;
            if let Some(known) = self.functions.get_mut(&name) {
                known.retain(|function| function.version != version);
                if known.is_empty() {
                    self.functions.remove(&name);
                }
            }
        }
    }

    /// A page of the active extensions, by worker.
    pub fn active(&self, ask: &ListActive) -> ActiveList {
        let after = self
            .workers
            .range::<str, _>((Excluded(ask.after.as_str()), Unbounded));
        let mut rest = after.map(|(_, offer)| offer.about.clone());
        let extensions: Vec<Active> = rest.by_ref().take(PAGE_COUNT_MAX).collect();
        ActiveList {
            extensions,
            more: rest.next().is_some(),
            ..Default::default()
        }
    }
}

impl Functions for Known {
    fn function(&self, capability: &str) -> Option<&Function> {
        self.functions.get(capability)?.last()
    }

    fn versions(&self, capability: &str) -> Vec<&str> {
        let known = self.functions.get(capability).into_iter().flatten();
        known.map(|function| function.version.as_str()).collect()
    }

    fn of_version(&self, capability: &str, version: &str) -> Option<&Function> {
        let mut known = self.functions.get(capability)?.iter();
        known.find(|function| function.version == version)
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

#[cfg(test)]
mod tests {
    use super::*;
    use symphony_protocol::{ExtensionEventEvent, Manifest};

    fn event(event: ExtensionEventEvent, worker: &str, capabilities: &[&str]) -> ExtensionEvent {
        let functions = capabilities.iter().map(|name| Function {
            capability: (*name).to_owned(),
            ..Default::default()
        });
        ExtensionEvent {
            event,
            worker: worker.to_owned(),
            manifest: Some(Manifest {
                functions: functions.collect(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_function_is_known_as_long_as_one_active_worker_offers_it() {
        let mut known = Known::default();
        known.apply(event(ExtensionEventEvent::Activated, "a", &["f", "g"]));
        known.apply(event(ExtensionEventEvent::Activated, "b", &["f"]));
        known.apply(event(ExtensionEventEvent::Unloaded, "a", &[]));
        assert_eq!(known.names(), ["f"]);
        let page = known.active(&ListActive::default());
        let workers: Vec<&str> = page.extensions.iter().map(|one| one.worker.as_str()).collect();
        assert_eq!((workers, page.more), (vec!["b"], false));
        known.apply(event(ExtensionEventEvent::Unloaded, "b", &[]));
        assert!(!known.complete());
    }

    #[test]
    fn each_version_of_a_function_is_known_as_long_as_one_worker_offers_it() {
        let at = |worker: &str, version: &str| {
            let mut made = event(ExtensionEventEvent::Activated, worker, &["f"]);
            if let Some(manifest) = made.manifest.as_mut() {
                manifest
                    .functions
                    .iter_mut()
                    .for_each(|function| function.version = version.to_owned());
            }
            made
        };
        let mut known = Known::default();
        known.apply(at("a", "1.0.0"));
        known.apply(at("b", "2.0.0"));
        assert_eq!(known.versions("f"), ["1.0.0", "2.0.0"]);
        assert!(known.of_version("f", "1.0.0").is_some() && known.of_version("f", "3.0.0").is_none());
        known.apply(at("a", "2.0.0"));
        assert_eq!(
            known.versions("f"),
            ["2.0.0"],
            "it was started again with another version"
        );
        known.apply(event(ExtensionEventEvent::Unloaded, "b", &[]));
        assert_eq!(known.versions("f"), ["2.0.0"]);
    }

    #[test]
    fn pages_of_active_extensions_follow_each_other() {
        let mut known = Known::default();
        for number in 0..=PAGE_COUNT_MAX {
            known.apply(event(
                ExtensionEventEvent::Activated,
                &format!("w{number:05}"),
                &["f"],
            ));
        }
        let first = known.active(&ListActive::default());
        assert!(first.more);
        let after = first
            .extensions
            .last()
            .map(|one| one.worker.clone())
            .unwrap_or_default();
        let last = known.active(&ListActive {
            after,
            ..Default::default()
        });
        assert_eq!((last.extensions.len(), last.more), (1, false));
    }
}
