//! What the machine has, and what this process takes of it.

use std::path::Path;
use std::time::Duration;

/// Memory that this process can have at most, in bytes: the machine's, or what its control group leaves it of that (Linux, cgroup v2).
pub fn memory_bytes() -> u64 {
    let system = rustix::system::sysinfo();
    let machine = u128::from(system.totalram).saturating_mul(u128::from(system.mem_unit));
    let machine = u64::try_from(machine).unwrap_or(u64::MAX);
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limits_above(own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/"), |group| {
        std::fs::read_to_string(Path::new("/sys/fs/cgroup").join(group).join("memory.max")).ok()
    })
    .fold(machine, u64::min)
}

/// Resident memory of this process, in bytes (proc(5)); none where it cannot be read.
pub fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

/// Processor time of this process, of all its threads (proc(5): `utime` and `stime`); none where it cannot be read.
pub fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis(
        user.checked_add(system)?.checked_mul(1000)?.checked_div(rustix::param::clock_ticks_per_second())?,
    ))
}

/// The limits of a control group and of those that it is in.
fn limits_above(group: &str, read: impl Fn(&Path) -> Option<String>) -> impl Iterator<Item = u64> {
    let groups = Path::new(group.trim_start_matches('/')).ancestors();
    groups.filter_map(move |group| read(group)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_above_holds() {
        let read = |group: &Path| match group.to_str() {
            Some("a/b") => Some("max\n".to_owned()),
            Some("a") => Some("1000\n".to_owned()),
            Some("") => Some("5000".to_owned()),
            _ => None,
        };
        assert_eq!(limits_above("/a/b/c", read).collect::<Vec<_>>(), [1000, 5000]);
        assert_eq!(limits_above("/", |_| None).count(), 0);
        assert!(memory_bytes() > 100 << 20);
    }

    #[test]
    fn what_the_process_takes() {
        assert!(resident_bytes().unwrap() > 1_000_000 && processor_time().is_some());
    }
}
