//! Questions about a partition, answered between its beats.

use symphony_protocol::{ArtifactNeed, WorkflowNeed};

use super::*;

impl Partition {
    pub(super) async fn answer(&mut self, call: Call) {
        let tenant = subjects::last_token(&call.subject).to_owned();
        match call.name {
            "resync" => {
                let page = call.decode::<Resync>();
                match page {
                    Ok(resync) => {
                        let page = self.resync(&resync).await;
                        call.finish(page).await;
                    }
                    Err(error) => call.fail(&error).await,
                }
            }
            "show" => match call.decode::<Show>() {
                Ok(Show { at: Some(at), .. }) if at > self.fold.sequence() => {
                    let what = format!("the log is folded up to {}", self.fold.sequence());
                    call.fail(&Error::new(ErrorKind::Invalid, what)).await;
                }
                Ok(ask) => match ask.at {
                    None => call.reply(&view::show(&self.fold, &ask, &tenant)).await,
                    Some(at) => {
                        let past = self.past.clone();
                        tokio::spawn(async move { past.answer(&call, &ask, at, &tenant).await });
                    }
                },
                Err(error) => call.fail(&error).await,
            },
            "list" => {
                call.finish(
                    call.decode()
                        .map(|ask: ListRuns| view::list(&self.fold, &ask, &tenant)),
                )
                .await
            }
            "history" => {
                let answer = call
                    .decode()
                    .map(|ask: History| view::history(&self.fold, &ask.run, ask.cursor, &tenant));
                call.finish(answer).await;
            }
            "status" => call.reply(&self.status()).await,
            "refers" => {
                let answer = call.decode().map(|ask: Refers| Referred {
                    digests: view::referred(&self.fold, ask.digests),
                    ..Default::default()
                });
                call.finish(answer).await;
            }
            "export" => {
                call.finish(call.decode().map(|ask: Export| self.export(&ask)))
                    .await
            }
            _ => {
                call.fail(&Error::new(ErrorKind::NotFound, "no such operation"))
                    .await
            }
        }
    }

    pub(super) fn status(&self) -> DagShow {
        let (snapshot_sequence, floor) = *self.floor.borrow();
        DagShow {
            partition: self.number,
            epoch: self.emitter.as_ref().map_or(0, |emitter| emitter.epoch),
            emitter: self.emitter.is_some(),
            folded: self.fold.sequence(),
            live: self.fold.live,
            ended: u64::try_from(self.fold.ended.len()).unwrap_or_default(),
            open: self.emitter.as_ref().map_or(0, Emitter::open),
            backlog: self.emitter.as_ref().map(Emitter::backlog).unwrap_or_default(),
            snapshot_sequence,
            floor,
            owner: self.fold.owner.as_ref().map(|owner| owner.conductor.clone()),
            owner_epoch: self.fold.owner.as_ref().map_or(0, |owner| owner.epoch),
            fold_version: u64::from(self.fold.version),
            fold_supports: u64::from(self.options.supports()),
            live_max: self.options.live_runs_max,
            memory_bytes: resident_bytes(),
            memory_high_bytes: self.options.memory_high_mib * 1024 * 1024,
            ..Default::default()
        }
    }

    /// A page of everything that is open. The first one fixes what the others go through.
    pub(super) async fn resync(&mut self, ask: &Resync) -> Result<ResyncPage, Error> {
        let Some(emitter) = self.emitter.as_mut() else {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "this tracker does not hold the partition",
            ));
        };
        // A conductor that slept through its successor's arrival claims nothing any more.
        let owner = self.fold.owner.as_ref().map_or(0, |owner| owner.epoch);
        if ask.cursor == 0 && ask.epoch >= owner {
            emitter.claim(&self.fold, &ask.claimed);
        }
        let mut page = ResyncPage {
            partition: self.number,
            epoch: emitter.epoch,
            sequence: emitter.sequence,
            folded: self.fold.sequence(),
            open: emitter.open(),
            next_due_at_ms: self.fold.next_due_at_ms(),
            ..Default::default()
        };
        let mut frames = Vec::new();
        if ask.cursor == 0 {
            self.listed = emitter.given();
            page.needs = self
                .fold
                .context
                .waiting
                .iter()
                .filter_map(|(digest, waiting)| {
                    let (id, _) = waiting.first()?;
                    let run = self.fold.runs.get(&id.run)?;
                    Some(ArtifactNeed {
                        digest: digest.clone(),
                        run: run.id.clone(),
                        trace: run.trace,
                    })
                })
                .take(PAGE_COUNT_MAX)
                .collect();
            page.needs_workflows = self
                .fold
                .context
                .resolving
                .keys()
                .take(PAGE_COUNT_MAX)
                .map(|(tenant, name, range)| WorkflowNeed {
                    tenant: tenant.clone(),
                    name: name.clone(),
                    range: range.clone(),
                })
                .collect();
            let recalls = self.fold.recalls.keys().take(PAGE_COUNT_MAX);
            page.needs_runs = recalls.map(|key| format!("{key:032x}")).collect();
            page.listens = crate::core::emit::listens(&self.fold);
            for key in self.fold.ended.iter().rev().take(ENDED_AGAIN_MAX) {
                let Some((ended, composed)) = self.fold.runs.get(key).map(run_ended) else {
                    continue;
                };
                frames.extend(composed);
                page.ended.push(ended);
            }
            page.failures = self.undecided();
            page.quarantined = quarantines(&self.fold, self.fold.runs.keys());
        }
        let skip = usize::try_from(ask.cursor).unwrap_or(usize::MAX);
        let mut size = page.ended.len() * 512;
        let mut taken = 0;
        for id in self.listed.iter().skip(skip) {
            if page.tasks.len() >= PAGE_COUNT_MAX || size > PAGE_BYTES_MAX {
                break;
            }
            taken += 1;
            if let Some(Ok((task, composed))) = ready_task(&self.fold, *id) {
                size += task.inputs.len() + 512;
                frames.extend(composed);
                page.tasks.push(task);
            }
        }
        if skip.saturating_add(taken) < self.listed.len() {
            page.next = u64::try_from(skip + taken).ok();
        }
        for message in crate::core::emit::frames(self.number, page.epoch, frames) {
            self.bus.publish(subjects::frame(self.number), &message).await?;
        }
        Ok(page)
    }

    pub(super) fn undecided(&self) -> Vec<symphony_protocol::Failure> {
        let mut found = Vec::new();
        let mut keys: Vec<&u128> = self.fold.runs.keys().collect();
        keys.sort_unstable();
        for key in keys {
            let Some(run) = self.fold.runs.get(key).filter(|run| run.goes_on()) else {
                continue;
            };
            for id in open_execs(&self.fold, *key, Status::Undecided) {
                let Some(exec) = run.exec(id) else { continue };
                let problem = exec.error().cloned().unwrap_or_default();
                let actions = crate::core::run::allowed(run, id, &problem, self.fold.context.time_ms);
                found.extend(failure(run, id, actions));
            }
            if found.len() >= PAGE_COUNT_MAX {
                break;
            }
        }
        found
    }

    /// Records of ended runs, as many as one message holds.
    pub(super) fn export(&self, ask: &Export) -> symphony_protocol::ArchiveBatch {
        let mut batch = symphony_protocol::ArchiveBatch {
            partition: self.number,
            ..Default::default()
        };
        let mut size = 0;
        for id in &ask.runs {
            match run_key(id).and_then(|key| self.fold.runs.get(&key)) {
                Some(run) if run.status.ended() => {
                    let Some(record) = view::record(run) else { continue };
                    size += record.view.len() + record.history.len() + record.state.len() + 1024;
                    if size > 3 * 1024 * 1024 && !batch.records.is_empty() {
                        break;
                    }
                    batch.records.push(record);
                }
                Some(_) => {}
                None => batch.unknown.push(id.clone()),
            }
        }
        batch
    }
}

/// Memory of this process, as the kernel of Linux tells it; 0 elsewhere, where the bound of it does not hold.
fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default().saturating_mul(PAGE_BYTES)
}
