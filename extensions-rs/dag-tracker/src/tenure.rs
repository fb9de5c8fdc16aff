//! Who emits: the leases of partitions, shared fairly between trackers, and taken over from those that die.
//!
//! A holder that is alive answers on a subject of its own. Where nobody listens there its connection is closed, which a
//! killed process cannot hide: its leases are taken at once. A stopped process, or one behind a dead network, keeps its
//! connection for a while; its leases expire by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use futures_util::StreamExt;
use symphony_protocol::subjects;
use symphony_sdk::{Bus, Error, ErrorKind, Lease, Shutdown};
use tokio::sync::watch;

use crate::core::fold::FIRST;

pub const BUCKET: &str = "sym_owners";
/// The keys by which trackers are counted begin so.
const MEMBER: &str = "tracker-member.";
const LOOK_INTERVAL: Duration = Duration::from_millis(150);
const RENEW_INTERVAL: Duration = Duration::from_millis(500);
/// Looks at which a free partition must have been free before one takes more than its share.
const GRACE_LOOKS: u32 = 2;
/// Looks at which nobody listened to a holder before it counts as gone: a connection that breaks comes back within one.
const GONE_LOOKS: u32 = 2;
/// Between two partitions given back: the tracker that is to take one needs a moment.
const YIELD_INTERVAL: Duration = Duration::from_secs(1);
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// How many of `partitions` one of `members` holds at most while all of them live.
pub fn share(partitions: usize, members: usize) -> usize {
    partitions.div_ceil(members.max(1)).max(1)
}

/// The leases of one tracker. The epoch of each partition goes through its channel while it is held.
pub struct Tenure {
    bus: Bus,
    holder: String,
    told: BTreeMap<u32, watch::Sender<Option<u64>>>,
    held: BTreeMap<u32, Lease>,
    free: BTreeMap<u32, u32>,
    holders: BTreeMap<u32, String>,
    silent: BTreeMap<String, u32>,
    member: Option<Lease>,
    members: usize,
    /// The newest version of the fold that is known here.
    supports: u32,
    announce: watch::Sender<u32>,
    renewed_at: Instant,
    yielded_at: Instant,
}

impl Tenure {
    /// `announce` tells the newest version of the fold that all living trackers support, of which this one `supports` its
    /// own; 0 until they have been asked.
    pub fn new(
        bus: Bus,
        told: BTreeMap<u32, watch::Sender<Option<u64>>>,
        supports: u32,
        announce: watch::Sender<u32>,
    ) -> Self {
        let inbox = bus.client().new_inbox();
        let unique = inbox.rsplit('.').next().unwrap_or_default();
        Self {
            holder: format!("{}-{unique}", std::process::id()),
            bus,
            told,
            held: BTreeMap::new(),
            free: BTreeMap::new(),
            holders: BTreeMap::new(),
            silent: BTreeMap::new(),
            member: None,
            members: 1,
            supports,
            announce,
            renewed_at: Instant::now(),
            yielded_at: Instant::now(),
        }
    }

    /// Hold what may be held until told to stop; then give it back, so that another need not wait.
    pub async fn run(mut self, mut shutdown: Shutdown) -> Result<(), Error> {
        let mut asked = self
            .bus
            .subscribe(subjects::pit("dag", "alive", &[&self.holder]))
            .await?;
        let mut tick = tokio::time::interval(LOOK_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.enrol().await;
        loop {
            tokio::select! {
                () = shutdown.requested() => break,
                () = answer(&self.bus, &mut asked) => {}
                _ = tick.tick() => {
                    if self.renewed_at.elapsed() >= RENEW_INTERVAL {
                        self.renewed_at = Instant::now();
                        self.renew().await;
                        self.yield_surplus().await;
                    }
                    self.look().await;
                }
            }
        }
        self.close().await;
        Ok(())
    }

    /// Be counted among the trackers, and count them. What stands in the key is the version of the fold that one knows.
    async fn enrol(&mut self) {
        let renewed = match self.member.as_mut() {
            Some(lease) => lease.renew(&self.bus).await.is_ok(),
            None => false,
        };
        if !renewed {
            let key = format!("{MEMBER}{}", self.holder);
            let version = self.supports.to_string();
            let made = Lease::acquire(&self.bus, BUCKET, &key, &version).await;
            self.member = made.unwrap_or_default();
        }
        match members(&self.bus).await {
            Ok(found) => self.announce(found).await,
            Err(error) => tracing::debug!(%error, "the trackers cannot be counted"),
        }
    }

    /// Rule 12: a version of the fold may be written to the log once every tracker that lives knows it.
    async fn announce(&mut self, keys: Vec<String>) {
        let mut versions = Vec::new();
        for key in keys {
            match Lease::holder(&self.bus, BUCKET, &key).await {
                // A program of before the versions says its name there.
                Ok(Some(said)) => versions.push(said.parse().unwrap_or(FIRST)),
                Ok(None) => {} // given back: its mark stays for a while
                Err(error) => return tracing::debug!(%error, key, "its version is not known"),
            }
        }
        self.members = versions.len().max(1);
        if let Some(known) = versions.into_iter().min().filter(|_| self.member.is_some()) {
            self.announce.send_replace(known.min(self.supports));
        }
    }

    async fn renew(&mut self) {
        for number in self.held.keys().copied().collect::<Vec<_>>() {
            let Some(lease) = self.held.get_mut(&number) else {
                continue;
            };
            match lease.renew(&self.bus).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Fenced => {
                    tracing::warn!(partition = number, "the lease is lost");
                    self.held.remove(&number);
                    self.tell(number, None);
                }
                Err(error) => tracing::warn!(%error, partition = number, "the lease cannot be renewed"),
            }
        }
        self.enrol().await;
    }

    /// More is held than a fair share: one partition goes back, for whoever has less.
    async fn yield_surplus(&mut self) {
        let surplus = self.held.len() > share(self.told.len(), self.members);
        if !surplus || self.yielded_at.elapsed() < YIELD_INTERVAL {
            return;
        }
        self.yielded_at = Instant::now();
        if let Some((number, lease)) = self.held.pop_last() {
            tracing::info!(partition = number, "given to another tracker");
            self.tell(number, None);
            self.free.remove(&number);
            lease.release(&self.bus).await;
        }
    }

    /// Look at the partitions that others hold, or nobody.
    async fn look(&mut self) {
        let others: Vec<u32> = self
            .told
            .keys()
            .copied()
            .filter(|number| !self.held.contains_key(number))
            .collect();
        for number in &others {
            match Lease::holder(&self.bus, BUCKET, &key(*number)).await {
                Ok(Some(holder)) => {
                    self.free.remove(number);
                    self.holders.insert(*number, holder);
                }
                Ok(None) => {
                    *self.free.entry(*number).or_default() += 1;
                    self.holders.remove(number);
                }
                Err(error) => return tracing::warn!(%error, "the leases cannot be read"),
            }
        }
        self.hear().await;
        for number in others {
            let gone = self
                .holders
                .get(&number)
                .cloned()
                .filter(|holder| self.is_gone(holder));
            let looks = if gone.is_some() {
                1
            } else {
                self.free.get(&number).copied().unwrap_or_default()
            };
            let over = self.held.len() >= share(self.told.len(), self.members);
            if looks == 0 || (over && gone.is_none() && looks <= GRACE_LOOKS) {
                continue;
            }
            self.take(number, gone.as_deref()).await;
        }
    }

    fn is_gone(&self, holder: &str) -> bool {
        self.silent.get(holder).is_some_and(|looks| *looks >= GONE_LOOKS)
    }

    /// Ask every holder whether it is there. Only that nobody listens counts: a slow answer is no death.
    async fn hear(&mut self) {
        let holders: BTreeSet<String> = self.holders.values().cloned().collect();
        self.silent.retain(|holder, _| holders.contains(holder));
        for holder in holders {
            let subject = subjects::pit("dag", "alive", &[&holder]);
            let asked = self.bus.client().request(subject, Vec::new().into());
            let nobody = match tokio::time::timeout(ANSWER_TIME, asked).await {
                Ok(Err(error)) => error.kind() == async_nats::RequestErrorKind::NoResponders,
                Ok(Ok(_)) | Err(_) => false,
            };
            if nobody {
                *self.silent.entry(holder).or_default() += 1;
            } else {
                self.silent.remove(&holder);
            }
        }
    }

    async fn take(&mut self, number: u32, gone: Option<&str>) {
        match Lease::acquire_after(&self.bus, BUCKET, &key(number), &self.holder, gone).await {
            Ok(Some(lease)) => {
                self.free.remove(&number);
                self.holders.remove(&number);
                self.tell(number, Some(lease.revision()));
                self.held.insert(number, lease);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, partition = number, "the lease cannot be taken"),
        }
    }

    fn tell(&self, number: u32, epoch: Option<u64>) {
        if let Some(sender) = self.told.get(&number) {
            sender.send_replace(epoch);
        }
    }

    async fn close(self) {
        for (_, lease) in self.held {
            lease.release(&self.bus).await;
        }
        if let Some(member) = self.member {
            member.release(&self.bus).await;
        }
    }
}

fn key(partition: u32) -> String {
    format!("tracker.{partition}")
}

async fn answer(bus: &Bus, asked: &mut Subscriber) {
    match asked.next().await {
        Some(message) => {
            if let Some(reply) = message.reply {
                // Who asked and gets no answer asks again: that somebody listens is all that it wants to know.
                let _ = bus.publish_bytes(reply.to_string(), Default::default()).await;
            }
        }
        None => std::future::pending().await,
    }
}

/// The keys of trackers that live, or were there less than a time to live ago.
async fn members(bus: &Bus) -> Result<Vec<String>, Error> {
    let ask = format!(r#"{{"subjects_filter":"$KV.{BUCKET}.{MEMBER}*"}}"#);
    let subject = format!("$JS.API.STREAM.INFO.KV_{BUCKET}");
    let reply = bus
        .client()
        .request(subject, ask.into())
        .await
        .map_err(Error::unavailable)?;
    let info: Info = serde_json::from_slice(&reply.payload).map_err(Error::unavailable)?;
    let prefix = format!("$KV.{BUCKET}.");
    let keys = info.state.subjects.into_keys();
    Ok(keys
        .filter_map(|subject| Some(subject.strip_prefix(&prefix)?.to_owned()))
        .collect())
}

#[derive(serde::Deserialize)]
struct Info {
    state: State,
}

#[derive(serde::Deserialize)]
struct State {
    #[serde(default)]
    subjects: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_even_and_never_nothing() {
        assert_eq!([share(8, 1), share(8, 2), share(8, 3), share(1, 5)], [8, 4, 3, 1]);
    }
}
