//! What the store costs and saves on this machine, beside the floors of the same minute; prints Markdown.
//!
//! `cargo run --example figures -- FOLDER [SMALL_BLOBS] [LARGE_MIB] [=NAME FILE...]...`: the files are versions of what is named,
//! the oldest first.

#![allow(clippy::print_stdout)] // that is what it is for

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use symphony_artifact_store::{Incoming, Keyring, Setup, Storage};
use symphony_protocol::Lineage;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: u64 = 200;
/// Rounds of the large blob, floor and store in turns.
const LARGE_ROUNDS: u64 = 3;
const BATCH: usize = 1000;
const SMALL_BYTES: usize = 200;
/// Blobs of a small batch that are read again.
const STEP: usize = 97;

fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut made = Vec::with_capacity(bytes + 8);
    while made.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        made.extend_from_slice(&state.to_le_bytes());
    }
    made.truncate(bytes);
    made
}

fn incoming<'a>(storage: &Storage, data: &[u8], lineage: &'a Lineage) -> Outcome<Incoming<'a>> {
    let mut writer = storage.begin("")?;
    for piece in data.chunks(1 << 20) {
        writer.write(piece)?; // as it comes over the bus
    }
    Ok(Incoming {
        writer,
        expected: None,
        media_type: "application/octet-stream",
        lineage,
    })
}

fn put(storage: &Storage, data: &[u8]) -> Outcome<String> {
    let lineage = Lineage::default();
    Ok(storage.commit(incoming(storage, data, &lineage)?, 1)?.digest)
}

fn get(storage: &Storage, digest: &str, size: usize) -> Outcome<Vec<u8>> {
    let mut made = Vec::with_capacity(size);
    while made.len() < size {
        made.extend(storage.get(digest, made.len() as u64, 1 << 20)?.0);
    }
    Ok(made)
}

fn quantile(rounds: &mut [f64], at: f64) -> f64 {
    rounds.sort_by(f64::total_cmp);
    let place = (at * rounds.len().saturating_sub(1) as f64).round() as usize;
    rounds.get(place).copied().unwrap_or_default()
}

fn on_disk(folder: &Path) -> Outcome<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
                bytes += about.len();
            }
        }
    }
    Ok((files, bytes))
}

/// Seconds of processor time that this process has taken, of a machine that ticks a hundred times a second.
fn processor() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let behind = text.rsplit(')').next().unwrap_or_default();
    let ticks = |at: usize| behind.split_whitespace().nth(at).unwrap_or("0").parse::<f64>();
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// The best of some rounds: what neighbours on the machine take away is no part of the store.
fn best(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}

fn one_kib(folder: &Path) -> Outcome<()> {
    let storage = Storage::open(&folder.join("kib"))?;
    let (mut syncs, mut puts, mut gets) = (Vec::new(), Vec::new(), Vec::new());
    let mut plain = File::create(folder.join("floor"))?;
    for round in 0..ROUNDS {
        let data = noise(1024, round);
        let began = Instant::now();
        plain.write_all(&data)?;
        plain.sync_data()?;
        syncs.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        let digest = put(&storage, &data)?;
        puts.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        let back = get(&storage, &digest, 1024)?;
        gets.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(back, data);
    }
    println!(
        "| 1 KiB: append and sync a file, p50 | {:.3} ms |",
        quantile(&mut syncs, 0.5)
    );
    println!(
        "| 1 KiB: put, p50 / p99 | {:.3} / {:.3} ms |",
        quantile(&mut puts, 0.5),
        quantile(&mut puts, 0.99)
    );
    println!(
        "| 1 KiB: get, p50 / p99 | {:.4} / {:.4} ms |",
        quantile(&mut gets, 0.5),
        quantile(&mut gets, 0.99)
    );
    Ok(())
}

fn many_small(folder: &Path, count: usize) -> Outcome<()> {
    let place = folder.join("small");
    let storage = Storage::open(&place)?;
    let lineage = Lineage::default();
    let (began, before) = (Instant::now(), processor()?);
    let mut some = Vec::new();
    for batch in 0..count.div_ceil(BATCH) {
        let blobs = (0..BATCH).map(|n| {
            incoming(
                &storage,
                &noise(SMALL_BYTES, (batch * BATCH + n) as u64),
                &lineage,
            )
        });
        let written = storage.commit_all(blobs.collect::<Outcome<Vec<_>>>()?, 1)?;
        some.extend(written.into_iter().step_by(STEP).map(|one| one.digest));
    }
    let seconds = began.elapsed().as_secs_f64();
    let taken = processor()? - before;
    let began = Instant::now();
    for digest in &some {
        storage.get(digest, 0, SMALL_BYTES)?;
    }
    let read_us = began.elapsed().as_secs_f64() * 1e6 / some.len().max(1) as f64;
    drop(storage);
    let began = Instant::now();
    drop(Storage::open(&place)?);
    let open_ms = began.elapsed().as_secs_f64() * 1e3;
    let (files, _) = on_disk(&place)?;
    let (_, packs) = on_disk(&place.join("artifacts/packs"))?;
    let catalogue = fs::metadata(place.join("artifacts/catalogue.sqlite"))?.len();
    println!(
        "| {count} blobs of {SMALL_BYTES} bytes, {BATCH} a batch: each, and its processor time | {:.1} / {:.1} us |",
        seconds * 1e6 / count as f64,
        taken * 1e6 / count as f64
    );
    println!("| files that they are | {files} |");
    println!(
        "| bytes a blob in packs / in the catalogue | {} / {} |",
        packs / count as u64,
        catalogue / count as u64
    );
    println!("| one of them read at random | {read_us:.1} us |");
    println!("| the store opened again | {open_ms:.0} ms |");
    Ok(())
}

fn large(folder: &Path, mib: usize, key: Option<&str>, what: &str) -> Outcome<()> {
    let rate = |began: Instant| mib as f64 / began.elapsed().as_secs_f64();
    let (mut disk, mut memcpy, mut puts, mut gets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut copy = vec![0; mib << 20];
    for round in 0..LARGE_ROUNDS {
        let data = noise(mib << 20, round);
        let began = Instant::now();
        let mut file = File::create(folder.join("floor"))?;
        file.write_all(&data)?;
        file.sync_all()?;
        disk.push(rate(began));
        let began = Instant::now();
        copy.copy_from_slice(&data);
        std::hint::black_box(&copy);
        memcpy.push(rate(began));
        let keyring = key.map_or_else(|| Ok(Keyring::default()), Keyring::read)?;
        let setup = Setup {
            keyring,
            ..Setup::default()
        };
        let storage = Storage::open_as(&folder.join("large"), setup)?;
        let began = Instant::now();
        let digest = put(&storage, &data)?;
        puts.push(rate(began));
        let began = Instant::now();
        let back = get(&storage, &digest, data.len())?;
        gets.push(rate(began));
        assert!(back == data, "it came back as something else");
        drop(storage);
        fs::remove_dir_all(folder.join("large"))?;
    }
    let (disk, memcpy, puts, gets) = (best(&disk), best(&memcpy), best(&puts), best(&gets));
    println!(
        "| {mib} MiB{what}: written to a file and synced / copied in memory | {disk:.0} / {memcpy:.0} MiB/s |"
    );
    println!(
        "| {mib} MiB{what}: put | {puts:.0} MiB/s, {:.0} % of the disk |",
        puts * 100.0 / disk
    );
    println!(
        "| {mib} MiB{what}: get, every chunk checked | {gets:.0} MiB/s, {:.0} % of memcpy |",
        gets * 100.0 / memcpy
    );
    Ok(())
}

fn versions(folder: &Path, name: &str, files: &[PathBuf]) -> Outcome<()> {
    let place = folder.join("versions");
    let storage = Storage::open(&place)?;
    let (mut size, mut alone) = (0_u64, 0_u64);
    for file in files {
        let data = fs::read(file)?;
        size += data.len() as u64;
        alone += zstd::bulk::compress(&data, 3)?.len() as u64;
        put(&storage, &data)?;
    }
    let shown = storage.show()?;
    let ratio = |bytes: u64| size as f64 / bytes.max(1) as f64;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "| {name}: {} versions, together | {:.1} MiB |",
        files.len(),
        mib(size)
    );
    println!(
        "| {name}: each compressed alone by zstd | {:.1} MiB, {:.1} times smaller |",
        mib(alone),
        ratio(alone)
    );
    let (stored, shared) = (shown.stored_bytes, shown.shared_bytes);
    println!(
        "| {name}: stored | {:.1} MiB, {:.1} times smaller |",
        mib(stored),
        ratio(stored)
    );
    println!(
        "| {name}: not stored again, since chunks are shared | {:.1} MiB |",
        mib(shared)
    );
    drop(storage);
    Ok(fs::remove_dir_all(place)?)
}

fn main() -> Outcome<()> {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().ok_or("which folder is to be used?")?);
    let small = words.next().map_or(Ok(100_000), |word| word.parse())?;
    let mib = words.next().map_or(Ok(256), |word| word.parse())?;
    let mut series: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for word in words {
        match (word.strip_prefix('='), series.last_mut()) {
            (Some(name), _) => series.push((name.to_owned(), Vec::new())),
            (None, Some((_, files))) => files.push(word.into()),
            (None, None) => return Err("name what the files are versions of: =NAME".into()),
        }
    }
    fs::create_dir_all(&folder)?;
    println!("| | |\n|---|---|");
    one_kib(&folder)?;
    many_small(&folder, small)?;
    large(&folder, mib, None, "")?;
    large(&folder, mib, Some(&"a".repeat(64)), ", encrypted")?;
    for (name, files) in &series {
        versions(&folder, name, files)?;
    }
    Ok(())
}
