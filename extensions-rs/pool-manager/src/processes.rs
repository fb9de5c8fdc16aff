//! The processes of declared pools: started, watched, started again, stopped.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use symphony_protocol::PoolView;
use symphony_sdk::worker::starter::POOL_PID;
use symphony_sdk::{Error, ErrorKind};
use tokio::process::{Child, Command};

use crate::core::Registry;
use crate::core::scale::{Pressure, backoff_ms, step};
use crate::options::{Credential, Options, PoolOptions};

/// A log larger than this is set aside before a child writes on: two files of it at most.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Variables that children inherit, by name or by the beginning of it.
const INHERITED: [&str; 12] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
    "PYTHON",
    "OTEL_",
    "SYMPHONY_",
    "SSL_CERT_",
];
/// A child that lived so long did not crash at start.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);
const STOP_GRACE: Duration = Duration::from_secs(12);

/// A place in a pool: a user, and perhaps the process that is this user now.
struct Place {
    credential: Credential,
    child: Option<Child>,
    started: Instant,
    stopping: Option<Instant>,
    crashes: u32,
    not_before: Option<Instant>,
    load_ms: f64,
    idle_since: Option<Instant>,
}

struct Pool {
    options: PoolOptions,
    places: Vec<Place>,
    last_error: String,
}

/// All declared pools.
pub struct Processes {
    pools: Vec<Pool>,
    options: Options,
}

impl Processes {
    pub fn new(options: Options) -> Self {
        let place = |credential: &Credential| Place {
            credential: credential.clone(),
            child: None,
            started: Instant::now(),
            stopping: None,
            crashes: 0,
            not_before: None,
            load_ms: 0.0,
            idle_since: None,
        };
        let pools = options.pools.iter().map(|pool| Pool {
            places: pool.credentials.iter().map(place).collect(),
            options: pool.clone(),
            last_error: String::new(),
        });
        Self {
            pools: pools.collect(),
            options: options.clone(),
        }
    }

    /// Look after every pool once. `spread`, from 0 to 1, is chance.
    pub fn tend(&mut self, registry: &Registry, spread: f64) {
        for pool in &mut self.pools {
            pool.reap(spread);
            pool.observe(registry);
            let running = pool.running();
            let (waiting, free) = registry.pressure(&pool.options.name);
            let pressure = Pressure {
                min: pool.options.min,
                max: pool.options.max,
                running,
                waiting,
                free,
                idle_ms: pool.idle_ms(),
                idle_limit_ms: pool.options.idle_ms,
            };
            match step(&pressure) {
                1 => pool.start(&self.options),
                -1 => pool.stop_idle(),
                _ => {}
            }
        }
    }

    pub fn views(&self) -> Vec<PoolView> {
        let view = |pool: &Pool| PoolView {
            pool: pool.options.name.clone(),
            min: u64::from(pool.options.min),
            max: u64::from(pool.options.max),
            running: u64::from(pool.running()),
            idle_ms: pool.options.idle_ms,
            load_ms: pool.places.iter().map(|place| place.load_ms).fold(0.0, f64::max),
            last_error: pool.last_error.clone(),
        };
        self.pools.iter().map(view).collect()
    }

    /// How often processes of a worker's name were started again.
    pub fn restarts(&self, worker: &str) -> u64 {
        let places = self.pools.iter().flat_map(|pool| &pool.places);
        places
            .filter(|place| place.credential.worker == worker)
            .map(|place| u64::from(place.crashes))
            .sum()
    }

    /// Stop every process: politely, then not.
    pub async fn stop_all(&mut self) {
        for place in self.pools.iter_mut().flat_map(|pool| &mut pool.places) {
            terminate(place);
        }
        let patience = Instant::now() + STOP_GRACE;
        for place in self.pools.iter_mut().flat_map(|pool| &mut pool.places) {
            let Some(child) = place.child.as_mut() else {
                continue;
            };
            let left = patience.saturating_duration_since(Instant::now());
            if tokio::time::timeout(left, child.wait()).await.is_err() {
                let _ = child.kill().await; // it ended in this very moment
            }
        }
    }
}

impl Pool {
    fn running(&self) -> u32 {
        let live = self
            .places
            .iter()
            .filter(|place| place.child.is_some() && place.stopping.is_none());
        u32::try_from(live.count()).unwrap_or(u32::MAX)
    }

    /// Note which processes have ended.
    fn reap(&mut self, spread: f64) {
        for place in &mut self.places {
            let Some(child) = place.child.as_mut() else {
                continue;
            };
            let Ok(Some(status)) = child.try_wait() else {
                let late = place.stopping.is_some_and(|since| since.elapsed() > STOP_GRACE);
                if late {
                    let _ = child.start_kill(); // it ended in this very moment
                }
                continue;
            };
            place.child = None;
            if place.stopping.take().is_some() {
                place.crashes = 0;
                continue;
            }
            if place.started.elapsed() > HEALTHY_AFTER {
                place.crashes = 0;
            }
            let wait = Duration::from_millis(backoff_ms(place.crashes, spread));
            place.crashes = place.crashes.saturating_add(1);
            place.not_before = Some(Instant::now() + wait);
            self.last_error = format!(
                "{} ended with {status}; started again in {} ms",
                place.credential.worker,
                wait.as_millis()
            );
            tracing::warn!(
                pool = self.options.name,
                error = self.last_error,
                "a worker process ended"
            );
        }
    }

    /// Note when processes became ready, and since when they have had nothing to do.
    fn observe(&mut self, registry: &Registry) {
        for place in &mut self.places {
            let name = &place.credential.worker;
            if place.child.is_some() && place.load_ms == 0.0 && registry.is_ready(name) {
                place.load_ms = place.started.elapsed().as_secs_f64() * 1000.0;
            }
            match registry.is_idle(name) {
                Some(true) if place.child.is_some() => {
                    place.idle_since.get_or_insert_with(Instant::now);
                }
                _ => place.idle_since = None,
            }
        }
    }

    fn idle_ms(&self) -> u64 {
        let longest = self
            .places
            .iter()
            .filter_map(|place| place.idle_since)
            .map(|since| since.elapsed())
            .max();
        longest.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    fn start(&mut self, options: &Options) {
        let now = Instant::now();
        let free = |place: &&mut Place| place.child.is_none() && place.not_before.is_none_or(|at| at <= now);
        let Some(place) = self.places.iter_mut().find(free) else {
            return;
        };
        match spawn(&self.options, &place.credential, options) {
            Ok(child) => {
                place.child = Some(child);
                place.started = now;
                place.load_ms = 0.0;
                place.idle_since = None;
            }
            Err(error) => {
                place.not_before = Some(now + Duration::from_millis(backoff_ms(place.crashes, 0.5)));
                place.crashes = place.crashes.saturating_add(1);
                self.last_error = error.to_string();
                tracing::error!(pool = self.options.name, %error, "a worker process cannot be started");
            }
        }
    }

    /// Stop the process that has been idle longest. It drains by itself, should something have come meanwhile.
    fn stop_idle(&mut self) {
        let idle = self
            .places
            .iter_mut()
            .filter(|place| place.child.is_some() && place.stopping.is_none());
        if let Some(place) = idle
            .filter(|p| p.idle_since.is_some())
            .min_by_key(|place| place.idle_since)
        {
            terminate(place);
        }
    }
}

fn terminate(place: &mut Place) {
    let id = place
        .child
        .as_ref()
        .and_then(Child::id)
        .and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = id.and_then(rustix::process::Pid::from_raw) {
        place.stopping.get_or_insert_with(Instant::now);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM); // it ended in this very moment
    }
}

fn spawn(pool: &PoolOptions, credential: &Credential, options: &Options) -> Result<Child, Error> {
    let config = |what: String| Error::new(ErrorKind::Config, what);
    let (program, arguments) = pool
        .command
        .split_first()
        .ok_or_else(|| config(format!("pool {}: the command is empty", pool.name)))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    for (name, value) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| INHERITED.iter().any(|known| name.starts_with(known)))
        {
            command.env(name, value);
        }
    }
    command
        .env("SYMPHONY_URL", credential.url.as_ref().unwrap_or(&options.url))
        .env("SYMPHONY_WORKER", &credential.worker)
        .env("SYMPHONY_POOL", &pool.name)
        .env(POOL_PID, std::process::id().to_string());
    match &credential.creds {
        Some(path) => command.env("SYMPHONY_CREDS", path),
        None => command.env_remove("SYMPHONY_CREDS"),
    };
    command
        .envs(&pool.env)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    match log(&options.logs, &pool.name) {
        Ok(file) => command.stderr(file),
        Err(error) => {
            return Err(Error::new(
                ErrorKind::Io,
                format!("the log of pool {}: {error}", pool.name),
            ));
        }
    };
    command
        .spawn()
        .map_err(|error| config(format!("pool {}: {program}: {error}", pool.name)))
}

/// The file that a pool's children write to.
fn log(folder: &Path, pool: &str) -> std::io::Result<File> {
    if folder.as_os_str().is_empty() {
        return OpenOptions::new().write(true).open("/dev/null");
    }
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("pool-{pool}.log"));
    if std::fs::metadata(&path).is_ok_and(|about| about.len() > LOG_BYTES_MAX) {
        std::fs::rename(&path, folder.join(format!("pool-{pool}.log.1")))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
