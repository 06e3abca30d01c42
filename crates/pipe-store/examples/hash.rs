//! Measures the digest of external data: `hash PATH [STORE]` prints digest, wall and CPU milliseconds, and peak memory.
//!
//! Does not need a store; with one, what is unchanged since the last call is remembered there.

use std::{error::Error, fs, path::PathBuf, time::Instant};

use pipe_store::Store;
use rustix::time::{ClockId, clock_gettime};

#[expect(clippy::print_stdout, reason = "a tool for people")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let path = arguments.next().ok_or("usage: hash PATH [STORE]")?;
    let store = match arguments.next() {
        Some(root) => Store::open(&root)?,
        None => Store::open_to_read(&path.join("no store"))?,
    };
    let since = Instant::now();
    let object = store.external(&path)?;
    let wall = since.elapsed().as_secs_f64() * 1e3;
    drop(store);
    // Of the whole process, opening the store included.
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = cpu.tv_sec as f64 * 1e3 + cpu.tv_nsec as f64 / 1e6;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    println!("{} {} bytes; wall {wall:.1} ms, CPU {cpu:.1} ms, peak {peak}", object.digest, object.bytes);
    Ok(())
}
