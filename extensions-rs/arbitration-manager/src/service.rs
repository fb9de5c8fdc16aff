//! The service: claims in, grants out, orders answered.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use symphony_protocol::{
    AskDecision, AskHolds, AskPolicy, Claim, Contend, Grant, ShareGrant, decode, subjects,
};
use symphony_sdk::clock::wall_ms;
use symphony_sdk::{Bus, Call, Endpoint, Error, ErrorKind, Micro, Shutdown};

use crate::core::Arbiter;
use crate::holds::Holds;
use crate::options::Options;
use crate::policy::Policies;
use crate::spending::Kept;

/// Grants are repeated, so that a lost one costs no more than this.
const GRANT_INTERVAL: Duration = Duration::from_secs(1);

pub struct Service {
    options: Options,
}

impl Service {
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    pub async fn run(self, bus: Bus, mut shutdown: Shutdown) -> Result<(), Error> {
        self.options.check()?;
        let of = |name, rest: &[&str], request, reply| Endpoint {
            name,
            subject: subjects::pit("arbitration", name, rest),
            request,
            reply,
        };
        let endpoints = vec![
            of("order", &[], "Contend", "Order"),
            of("show", &[], "Nothing", "ArbitrationShow"),
            of("explain", &[], "AskDecision", "Explained"),
            of("policy", &[], "AskPolicy", "PolicyShow"),
            of("holds", &["*"], "AskHolds", "HoldsShow"),
        ];
        let description = "Arbitration Manager: shares, limits, budgets and locks";
        let (micro, mut calls) =
            Micro::start(&bus, "arbitration", description, HashMap::new(), endpoints).await?;
        let mut claims = bus.subscribe(subjects::pit("arbitration", "claim", &[])).await?;
        bus.flush().await?;
        let began = Instant::now();
        // Monotonic milliseconds: a clock that jumps must neither fill nor empty a bucket.
        let now = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Grants are numbered on from the time of the start: a container's process id is the same each time.
        let first = wall_ms();
        let issuer = format!("arbitration-{}-{first}", std::process::id());
        let holds = Holds::new(&bus, &issuer, &self.options);
        let mut arbiter = Arbiter::new(&issuer, self.options.clone(), first, 0);
        let mut policies = Policies::load(&bus, self.options, &mut arbiter, now()).await?;
        arbiter.roll(wall_ms());
        let mut kept = Kept::load(&bus, &mut arbiter).await?;
        // Beside this loop, since it waits for the broker's disk and leases do not.
        let ledger = tokio::spawn(holds.clone().run(shutdown.clone()));
        let mut tick = tokio::time::interval(GRANT_INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.requested() => break,
                Some(message) = claims.next() => {
                    let mut told = Vec::new();
                    let mut next = Some(message);
                    while let Some(message) = next {
                        match decode::<Claim>(&message.payload) {
                            Ok(claim) => {
                                arbiter.claim(&claim, now());
                                told.push(claim.conductor);
                            }
                            Err(error) => tracing::warn!(%error, "a claim is passed over"),
                        }
                        next = claims.next().now_or_never().flatten();
                    }
                    told.sort();
                    told.dedup();
                    grant(&bus, &mut arbiter, &mut kept, &told, now()).await;
                }
                Some(call) = calls.recv() => {
                    let version = arbiter.version();
                    answer(&mut arbiter, &mut policies, &holds, call, now()).await;
                    if arbiter.version() != version {
                        tick.reset_immediately(); // a limit that was lowered binds at once
                    }
                }
                _ = tick.tick() => {
                    arbiter.sweep(now());
                    arbiter.roll(wall_ms());
                    let all = arbiter.conductors();
                    grant(&bus, &mut arbiter, &mut kept, &all, now()).await;
                }
            }
        }
        micro.stop().await;
        ledger.await.map_err(Error::internal)
    }
}

async fn grant(bus: &Bus, arbiter: &mut Arbiter, kept: &mut Kept, conductors: &[String], now_ms: u64) {
    let of = |conductor: &String| arbiter.grant(conductor, now_ms);
    let grants: Vec<ShareGrant> = conductors.iter().filter_map(of).collect();
    if let Err(error) = kept.keep(arbiter).await {
        tracing::warn!(%error, "nothing is granted while what budgets have spent cannot be kept; the next grants say the same");
        return;
    }
    for grant in grants {
        let subject = subjects::grant(&grant.conductor);
        if let Err(error) = bus.publish(subject, &Grant::ShareGrant(grant)).await {
            tracing::warn!(%error, "a grant was not sent; the next one says the same");
        }
    }
}

async fn answer(arbiter: &mut Arbiter, policies: &mut Policies, holds: &Holds, call: Call, now_ms: u64) {
    match call.name {
        "holds" => {
            let tenant = subjects::last_token(&call.subject);
            let answer = call.decode().map(|ask: AskHolds| holds.show(tenant, &ask));
            call.finish(answer).await;
        }
        "order" => {
            let answer = call.decode().map(|ask: Contend| arbiter.contend(&ask, now_ms));
            call.finish(answer).await;
        }
        "explain" => {
            let answer = call.decode().and_then(|ask: AskDecision| {
                let text =
                    "no such decision among the last ones; `symphony pit arbitration show` lists the newest";
                let found = arbiter.explain(&ask.decision).cloned();
                found.ok_or_else(|| Error::new(ErrorKind::NotFound, text))
            });
            call.finish(answer).await;
        }
        "policy" => {
            let answer = match call.decode::<AskPolicy>() {
                Ok(ask) => policies.answer(ask, arbiter, now_ms).await,
                Err(error) => Err(error),
            };
            call.finish(answer).await;
        }
        "show" => call.reply(&arbiter.show()).await,
        _ => {
            call.fail(&Error::new(ErrorKind::NotFound, "no such operation"))
                .await
        }
    }
}
