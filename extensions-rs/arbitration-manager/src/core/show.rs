//! What people are told of locks, semaphores and rates: who holds what, and who waits for whom.

use symphony_protocol::bounds::BATCH_COUNT_MAX;
use symphony_protocol::subjects::EVERY_TENANT;
use symphony_protocol::{AskHolds, HeldView, HoldsShow, WaitView};

use super::desk::Desk;
use super::ledger::{Draft, Id, ref_of};
use super::waiters::{Line, Waiter};

/// Entries of an answer of each kind: both have to fit one message.
const SHOWN_MAX: usize = BATCH_COUNT_MAX / 4;

impl Desk {
    /// Of one tenant, or of all for who may see all. A run names one of its own, or nothing is found.
    pub fn show(&self, tenant: &str, ask: &AskHolds) -> HoldsShow {
        // In a subject a tenant's dots are `-`.
        let of_tenant = |name: &str| tenant == EVERY_TENANT || name.replace('.', "-") == tenant;
        let of_run = |id: &Id| ask.run.as_ref().is_none_or(|run| *run == id.0);
        let mut shown = HoldsShow::default();
        for (id, hold) in self
            .ledger
            .iter()
            .filter(|(id, hold)| of_run(id) && of_tenant(&hold.tenant))
        {
            let views = hold.keys.iter().map(|key| HeldView {
                tenant: hold.tenant.clone(),
                hold: ref_of(id),
                key: key.clone(),
                token: hold.token,
            });
            shown.held.extend(views);
        }
        shown.held.truncate(SHOWN_MAX);
        let waiting = self.waiters.iter();
        let waiting = waiting.filter(|(id, waiter)| of_run(id) && of_tenant(&waiter.want.tenant));
        shown.waiting = waiting
            .take(SHOWN_MAX)
            .map(|(id, waiter)| self.wait(id, waiter))
            .collect();
        shown
    }

    fn wait(&self, id: &Id, waiter: &Waiter) -> WaitView {
        let want = &waiter.want;
        let nothing = Draft::default();
        let taken = want.wants.keys.iter().find_map(|key| {
            let holder = self.ledger.taker(&nothing, &want.tenant, key, id)?;
            Some((key.key.clone(), holder))
        });
        let (key, holder) = match taken {
            Some((key, holder)) => (Line::Permits((want.tenant.clone(), key)), Some(holder)),
            None => match &want.wants.rate {
                Some(rate) => (Line::Rate((want.tenant.clone(), rate.key.clone())), None),
                None => (
                    waiter.lines().next().unwrap_or(Line::Permits(Default::default())),
                    None,
                ),
            },
        };
        let before = self.waiters.order(&key, 0);
        let ahead = before.iter().take_while(|other| *other != id).count();
        let (Line::Permits((_, name)) | Line::Rate((_, name))) = key;
        WaitView {
            tenant: want.tenant.clone(),
            hold: ref_of(id),
            key: name,
            ahead: u64::try_from(ahead).unwrap_or_default(),
            since_ms: want.since_ms,
            holder: holder.as_ref().map(ref_of),
        }
    }
}
