//! A real broker for tests: `nats-server` with JetStream and the streams of `schemas/streams.toml`, gone when dropped.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bus::{Bus, BusOptions};
use crate::error::{Error, ErrorKind};
use crate::streams;

/// A broker of one test. It can be killed and started again on its data.
pub struct Broker {
    child: Option<Child>,
    folder: tempfile::TempDir,
    port: u16,
}

/// The `nats-server` that tests use: `NATS_SERVER`, the checkout's environment, or the one on PATH.
pub fn nats_server() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NATS_SERVER") {
        return Some(path.into());
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/nats-server");
    if root.exists() {
        return Some(root);
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join("nats-server"))
        .find(|p| p.exists())
}

impl Broker {
    /// Start one, with the mesh's streams for `partitions`.
    ///
    /// Kind `NotFound`: this machine has no nats-server; the test says so and ends.
    pub async fn start(partitions: u32) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut broker = Self {
            child: None,
            folder,
            port,
        };
        broker.resume().await?;
        let bus = broker.connect("setup").await?;
        streams::ensure(&bus, partitions).await?;
        Ok(broker)
    }

    /// Start it again, on the same port and data.
    pub async fn resume(&mut self) -> Result<(), Error> {
        let program = nats_server().ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                "no nats-server: set NATS_SERVER or put one on PATH",
            )
        })?;
        let config = self.folder.path().join("nats.conf");
        let store = self.folder.path().join("data");
        let text = format!(
            "listen: 127.0.0.1:{}\nmax_payload: 4MB\njetstream {{ store_dir: {:?}, max_file_store: 64GB, sync_interval: always }}\n",
            self.port, store
        );
        std::fs::write(&config, text)?;
        let child = Command::new(program)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.child = Some(child);
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            match self.connect("probe").await {
                Ok(bus) if bus.jetstream().query_account().await.is_ok() => return Ok(()),
                _ if Instant::now() > patience => return Err(Error::unavailable("the broker did not start")),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Kill it, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn options(&self, name: &str) -> BusOptions {
        BusOptions {
            url: format!("nats://127.0.0.1:{}", self.port),
            credentials: None,
            name: name.to_owned(),
        }
    }

    pub async fn connect(&self, name: &str) -> Result<Bus, Error> {
        Bus::connect(&self.options(name)).await
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
