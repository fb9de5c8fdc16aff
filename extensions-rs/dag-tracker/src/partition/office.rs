//! Emitting: taken up once the log is folded to its end, with the questions that only the emitter answers (rule 4).

use symphony_sdk::{Endpoint, Micro};
use tokio::sync::mpsc;

use super::*;
use crate::follow::last_event;
use crate::service::{DESCRIPTION, metadata};

/// The emitter's place on the mesh. A standby has none: nobody asks what it may not know yet.
pub(super) struct Office {
    micro: Micro,
    calls: mpsc::Receiver<Call>,
}

/// A lease that is held while the log is not folded to its end.
pub(super) struct Awaited {
    epoch: u64,
    /// The partition's last event when the lease was taken; None until the broker has said so.
    folded: Option<u64>,
}

impl Office {
    async fn open(bus: &Bus, number: u32, options: &crate::Options) -> Result<Self, Error> {
        let number = number.to_string();
        let of = |name, rest: &[&str], request, reply| Endpoint {
            name,
            subject: subjects::pit("dag", name, rest),
            request,
            reply,
        };
        let endpoints = vec![
            of("resync", &[&number], "Resync", "ResyncPage"),
            of("export", &[&number], "Export", "ArchiveBatch"),
            of("refers", &[&number], "Refers", "Referred"),
            of("status", &[&number], "Nothing", "DagShow"),
            of("show", &[&number, "*"], "Show", "RunView"),
            of("list", &[&number, "*"], "ListRuns", "RunList"),
            of("history", &[&number, "*"], "History", "HistoryPage"),
        ];
        let (micro, calls) = Micro::start(bus, "dag", DESCRIPTION, metadata(options), endpoints).await?;
        Ok(Self { micro, calls })
    }

    /// The next question; none ever comes without an office.
    pub(super) async fn next(office: &mut Option<Self>) -> Call {
        if let Some(office) = office.as_mut()
            && let Some(call) = office.calls.recv().await
        {
            return call;
        }
        std::future::pending().await
    }
}

impl Partition {
    /// Begin or end emitting, as the lease says.
    pub(super) async fn leased(&mut self, lease: Option<u64>) {
        let now = self.emitter.as_ref().map(|emitter| emitter.epoch);
        if now == lease {
            self.awaited = None;
            return;
        }
        if now.is_some() {
            tracing::info!(partition = self.number, "emitting no more");
            self.leave_office().await;
        }
        if let Some(epoch) = lease
            && self.awaited.as_ref().is_none_or(|awaited| awaited.epoch != epoch)
        {
            self.awaited = Some(Awaited { epoch, folded: None });
        }
        self.take_office_if_due().await;
    }

    /// Nothing is given out before the log has been folded to its end: what it says is done would be done again.
    pub(super) async fn take_office_if_due(&mut self) {
        let Some(awaited) = self.awaited.as_mut() else {
            return;
        };
        let target = match awaited.folded {
            Some(target) => target,
            None => match last_event(&self.bus, self.number).await {
                Ok(target) => *awaited.folded.insert(target),
                Err(error) => {
                    return tracing::warn!(%error, partition = self.number, "the log's end is not known");
                }
            },
        };
        if self.fold.sequence() < target {
            return;
        }
        match Office::open(&self.bus, self.number, &self.options).await {
            Ok(office) => self.office = Some(office),
            Err(error) => return tracing::warn!(%error, partition = self.number, "nobody can ask yet"),
        }
        let Some(Awaited { epoch, .. }) = self.awaited.take() else {
            return;
        };
        let mut emitter = Emitter::new(epoch);
        self.floor
            .send_replace((self.snapshot_sequence, snapshot::floor_of(&self.place)));
        emitter.floor = self.floor.borrow().1;
        emitter.restart(&self.fold);
        self.emitter = Some(emitter);
        tracing::info!(partition = self.number, epoch, "emitting");
        self.emit(Effects::default(), true).await;
    }

    pub(super) async fn leave_office(&mut self) {
        self.emitter = None;
        if let Some(office) = self.office.take() {
            office.micro.stop().await;
        }
    }
}
