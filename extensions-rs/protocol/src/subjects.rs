//! Subjects are built and parsed here and nowhere else; `schemas/subjects.toml` is the table they are held to.

use crate::trace::hex;

/// The tenant token of an operator who asks about all of them.
pub const EVERY_TENANT: &str = "-";
pub const HEARTBEATS: &str = "sym.heartbeat.*";
pub const ROLL_CALL: &str = "sym.heartbeat";

/// A name as one token of a subject: dots become `-`. None for anything outside `[A-Za-z0-9_.-]` or over 128 characters.
pub fn token(name: &str) -> Option<String> {
    let text = name.replace('.', "-");
    let fits = (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    fits.then_some(text)
}

/// A name that is known to fit; what does not is replaced by `_`, so that a subject never gains a token or a wildcard.
pub fn safe(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c == '.' {
                '-'
            } else if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// The partition of a run: FNV-1a-32 of its identifier, modulo; the broker's `partition()` computes the same.
pub fn partition_of(run: &str, partitions: u32) -> u32 {
    let hash = run.bytes().fold(0x811c_9dc5_u32, |value, byte| {
        (value ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash.checked_rem(partitions).unwrap_or_default()
}

/// The identifier of a run with an idempotency key.
pub fn run_id(tenant: &str, workflow: &str, key: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"symphony run\0");
    for part in [tenant, workflow, key] {
        hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex(hasher.finalize().as_bytes().split_at(16).0)
}

pub fn submit(tenant: &str, run: &str) -> String {
    format!("sym.in.submit.{}.{run}", safe(tenant))
}

pub fn cancel(tenant: &str, run: &str) -> String {
    format!("sym.in.cancel.{}.{run}", safe(tenant))
}

pub fn signal(tenant: &str, run: &str) -> String {
    format!("sym.in.signal.{}.{run}", safe(tenant))
}

/// Something that happened elsewhere, for runs that wait for it.
pub fn event(name: &str) -> String {
    format!("sym.event.{}", safe(name))
}

/// `result`, `decided`, `due`, `owner`, ... of a partition.
pub fn log_event(partition: u32, event: &str) -> String {
    format!("sym.log.{partition}.{event}")
}

/// Everything of a partition's log.
pub fn log_of(partition: u32) -> String {
    format!("sym.log.{partition}.>")
}

pub fn ready(partition: u32) -> String {
    format!("sym.ready.{partition}")
}

pub fn frame(partition: u32) -> String {
    format!("sym.ready.{partition}.frame")
}

pub fn grant(conductor: &str) -> String {
    format!("sym.grant.{}", safe(conductor))
}

/// What Arbitration grants a conductor of locks, semaphores and rates.
pub fn holds(conductor: &str) -> String {
    format!("sym.grant.{}.holds", safe(conductor))
}

/// The versions of a policy, `arbitration`'s for one.
pub fn policy(of: &str) -> String {
    format!("sym.policy.{}", safe(of))
}

/// `changed` or `state`: Arbitration's own stream.
pub fn ledger(event: &str) -> String {
    format!("sym.ledger.{}", safe(event))
}

pub fn task(capability: &str, worker: &str) -> String {
    format!("sym.task.{}.{}", safe(capability), safe(worker))
}

/// Every capability of one worker.
pub fn tasks_of(worker: &str) -> String {
    format!("sym.task.*.{}", safe(worker))
}

pub fn task_queue(capability: &str) -> String {
    format!("sym.task.{}", safe(capability))
}

pub fn heartbeat(worker: &str) -> String {
    format!("sym.heartbeat.{}", safe(worker))
}

pub fn run_event(tenant: &str, run: &str, event: &str) -> String {
    format!("sym.run.{}.{run}.{}", safe(tenant), safe(event))
}

pub fn decision(partition: u32) -> String {
    format!("sym.decision.{partition}")
}

pub fn extension(event: &str) -> String {
    format!("sym.ext.{}", safe(event))
}

/// An operation of a Pit extension: `sym.pit.<service>.<operation>`; `rest` adds tokens, `*` for any.
pub fn pit(service: &str, operation: &str, rest: &[&str]) -> String {
    let mut subject = format!("sym.pit.{service}.{operation}");
    for part in rest {
        subject.push('.');
        subject.push_str(&if *part == "*" { "*".to_owned() } else { safe(part) });
    }
    subject
}

/// The event and, for a client's event, the tenant and run of a subject of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSubject<'a> {
    pub partition: u32,
    pub event: &'a str,
    pub tenant: Option<&'a str>,
    pub run: Option<&'a str>,
}

/// Parse `sym.log.<partition>.<event>[.<tenant>.<run>]`.
pub fn parse_log(subject: &str) -> Option<LogSubject<'_>> {
    let mut parts = subject.split('.');
    if (parts.next()?, parts.next()?) != ("sym", "log") {
        return None;
    }
    let partition = parts.next()?.parse().ok()?;
    let event = parts.next()?;
    let (tenant, run) = (parts.next(), parts.next());
    (parts.next().is_none() && tenant.is_some() == run.is_some()).then_some(LogSubject {
        partition,
        event,
        tenant,
        run,
    })
}

/// The last token of a subject: a heartbeat's worker, an operation's tenant.
pub fn last_token(subject: &str) -> &str {
    subject.rsplit('.').next().unwrap_or_default()
}

/// The key of the tokens of one partition and epoch: BLAKE3's key derivation over the mesh's secret.
pub fn mesh_key(secret: &[u8], partition: u32, epoch: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("symphony 2026 dispatch token");
    hasher.update(secret);
    hasher.update(&partition.to_be_bytes());
    hasher.update(&epoch.to_be_bytes());
    *hasher.finalize().as_bytes()
}

/// What a dispatch's token is computed over.
#[derive(Clone, Copy, Debug)]
pub struct TokenInput<'a> {
    pub run: &'a str,
    pub task: &'a str,
    pub generation: u32,
    pub r#try: u32,
    pub epoch: u64,
    pub n: u64,
    pub worker: &'a str,
}

/// The first 16 bytes of BLAKE3 keyed with `mesh_key` over the identity of the attempt and its worker, NUL-separated.
pub fn dispatch_token(key: &[u8; 32], input: &TokenInput<'_>) -> [u8; 16] {
    use std::io::Write;
    let mut text = Vec::with_capacity(128);
    let TokenInput {
        run,
        task,
        generation,
        r#try,
        epoch,
        n,
        worker,
    } = input;
    let written = write!(
        text,
        "{run}\0{task}\0{generation}\0{try}\0{epoch}\0{n}\0{worker}",
        r#try = r#try
    );
    debug_assert!(written.is_ok(), "writing to a vector cannot fail");
    let mut token = [0; 16];
    token.copy_from_slice(blake3::keyed_hash(key, &text).as_bytes().split_at(16).0);
    token
}
