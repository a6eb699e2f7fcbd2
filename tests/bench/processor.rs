//! What processes take of the processor.

use std::time::Duration;

/// User and system time of a process so far.
pub fn processor_time(pid: u32) -> Result<Duration, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // utime and stime, in hundredths of a second (proc(5); USER_HZ is 100 on every Linux that matters).
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
}
