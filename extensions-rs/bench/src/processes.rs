//! The processes of the system under load, as the kernel accounts for them. Elsewhere than on Linux nothing is known of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Ticks of a second in `/proc/<pid>/stat`. Source: proc(5), `USER_HZ`, which is 100 on every platform that this runs on.
const TICKS: f64 = 100.0;

/// How often the kernel is asked whether the processes rest.
const LOOK: Duration = Duration::from_millis(250);
/// Of one processor, what heartbeats, levels and leases take of it while nothing else is going on.
const REST_SHARE: f64 = 0.15;
/// So long they have to rest before they are believed to.
const REST_LOOKS: u32 = 2;
/// What is put off for longer than this is not waited for.
const REST_WITHIN: Duration = Duration::from_secs(20);

/// Processes by the part of the system that they are; a part may have several.
#[derive(Clone, Debug, Default)]
pub struct Processes(Vec<(String, u32)>);

/// By part: seconds of a processor, or bytes.
pub type Parts = BTreeMap<String, f64>;

impl Processes {
    /// `broker=12`, as the command line says it.
    pub fn parse(said: &[String]) -> Option<Self> {
        let one = |text: &String| {
            let (name, pid) = text.split_once('=')?;
            Some((name.to_owned(), pid.parse().ok()?))
        };
        said.iter().map(one).collect::<Option<_>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seconds that each has had a processor, in user and in kernel mode.
    pub fn seconds(&self) -> Parts {
        self.sum(|pid| ticks(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
    }

    /// Until nothing is going on any more: what a load put off (runs are archived off the path) must not be measured with the
    /// next. Gives how long that went on.
    pub async fn rest(&self) -> Duration {
        let began = Instant::now();
        let (mut busy, mut quiet) = (Duration::ZERO, 0);
        let total = || self.seconds().values().sum::<f64>();
        let mut before = total();
        while !self.is_empty() && quiet < REST_LOOKS && began.elapsed() < REST_WITHIN {
            tokio::time::sleep(LOOK).await;
            let now = total();
            quiet += 1;
            if now - before > REST_SHARE * LOOK.as_secs_f64() {
                (busy, quiet) = (began.elapsed(), 0);
            }
            before = now;
        }
        busy
    }

    /// Bytes of each in memory.
    pub fn resident(&self) -> Parts {
        self.sum(|pid| resident(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?))
    }

    fn sum(&self, read: impl Fn(u32) -> Option<f64>) -> Parts {
        let mut found = Parts::new();
        for (name, pid) in &self.0 {
            if let Some(value) = read(*pid) {
                *found.entry(name.clone()).or_default() += value;
            }
        }
        found
    }
}

/// What each part grew by.
pub fn growth(before: &Parts, after: &Parts) -> Parts {
    after
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                value - before.get(name).copied().unwrap_or_default(),
            )
        })
        .collect()
}

/// The name stands in brackets and may hold anything: the numbers are counted from the last bracket.
fn ticks(stat: &str) -> Option<f64> {
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut spent = numbers.split_whitespace().skip(11);
    let user: f64 = spent.next()?.parse().ok()?;
    let system: f64 = spent.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        let stat = "12 (a) b) S 1 1 1 0 -1 4194304 2 0 0 0 150 50 0 0 20 0 9 0 5 6 7";
        assert_eq!(ticks(stat), Some(2.0));
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!(ticks("nonsense"), None);
    }

    #[tokio::test]
    async fn what_computes_is_waited_for() {
        let me = Processes::parse(&[format!("me={}", std::process::id())]).unwrap();
        let computing = std::thread::spawn(|| {
            let until = Instant::now() + Duration::from_millis(600);
            while Instant::now() < until {
                std::hint::black_box(0);
            }
        });
        assert!(me.rest().await >= LOOK);
        computing.join().unwrap();
        assert_eq!(Processes::default().rest().await, Duration::ZERO);
    }

    #[test]
    fn a_part_may_have_several_processes_and_one_that_is_gone() {
        let me = std::process::id();
        let both = Processes::parse(&[format!("me={me}"), format!("me={me}"), "gone=0".into()]).unwrap();
        let once = Processes::parse(&[format!("me={me}")]).unwrap();
        let (two, one) = (both.resident(), once.resident());
        assert!(two["me"] > 1.5 * one["me"], "{two:?} {one:?}");
        assert!(!two.contains_key("gone"));
        assert!(Processes::parse(&["broker".to_owned()]).is_none());
    }
}
