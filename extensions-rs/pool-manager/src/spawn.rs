//! A process of a pool, started as its user, with an environment of its own and a log.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Stdio;

use symphony_sdk::worker::starter::POOL_PID;
use symphony_sdk::{Error, ErrorKind};
use tokio::process::{Child, Command};

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
/// Kind `Config`: the command cannot be started; `Io`: its log cannot be written.
pub fn spawn(pool: &PoolOptions, credential: &Credential, options: &Options) -> Result<Child, Error> {
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

/// Bytes of memory that a process has by now; none where the system does not tell.
pub fn memory_bytes(child: &Child) -> Option<u64> {
    let told = std::fs::read_to_string(format!("/proc/{}/statm", child.id()?)).ok()?;
    let pages: u64 = told.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}
