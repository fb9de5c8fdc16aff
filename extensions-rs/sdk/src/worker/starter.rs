//! Whether the Pool Manager that started this process is still there. Its successor starts another process under the same
//! name, and two would both do what is sent to that name.

use std::os::unix::process::parent_id;
use std::path::Path;

/// Where a Pool Manager says who it is: a process may lose its parent before it has looked.
pub const POOL_PID: &str = "SYMPHONY_POOL_PID";

/// Whoever started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starter {
    pid: u32,
    /// It is this process's parent, and not the parent of a script around it.
    direct: bool,
}

impl Starter {
    /// The one that the environment names, else the parent.
    pub fn find() -> Self {
        let said = std::env::var(POOL_PID).ok().and_then(|pid| pid.parse().ok());
        Self::new(said)
    }

    pub fn new(said: Option<u32>) -> Self {
        let parent = parent_id();
        let pid = said.unwrap_or(parent);
        let direct = pid == parent;
        Self { pid, direct }
    }

    /// Cheap enough to be asked before every message of tasks.
    pub fn is_gone(self) -> bool {
        if self.direct {
            return parent_id() != self.pid;
        }
        // Without /proc nobody can tell; a script around a worker has to end it then.
        Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{}", self.pid)).exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_that_lives_is_there_whether_it_is_named_or_not() {
        assert!(!Starter::new(None).is_gone());
        assert!(!Starter::new(Some(parent_id())).is_gone());
    }

    #[test]
    fn one_that_was_gone_before_this_process_looked_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(Starter::new(Some(child.id())).is_gone());
    }

    #[test]
    fn one_around_a_script_is_there_as_long_as_its_process_is() {
        assert!(!Starter::new(Some(std::process::id())).is_gone());
    }
}
