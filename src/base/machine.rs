//! What the machine has.

use std::path::Path;

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
}
