//! What the worker takes away from itself before it touches anybody's media: the right to gain rights, memory and time
//! without end, files, the network, other programs. Each part that the kernel refuses is reported and done without.

#[cfg(target_pointer_width = "64")]
use std::collections::BTreeMap;

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rooftop::media::worker::protocol::{Confinement, Landlock};
use rustix::process::{Resource, Rlimit, setrlimit};
#[cfg(target_pointer_width = "64")]
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Descriptors: the three it is born with and a few to spare.
const FILES: u64 = 16;

/// Takes everything away that can be taken. `cpu_seconds` is processor time for its whole life.
pub fn confine(memory_mib: u64, cpu_seconds: u64) -> Confinement {
    let mut refused = Vec::new();
    let mut check = |what: &str, result: Result<(), String>| match result {
        Ok(()) => true,
        Err(error) => {
            refused.push(format!("{what}: {error}"));
            false
        }
    };
    let no_new_privs = check("no_new_privs", rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string()));
    let limits = check("limits", limit(memory_mib, cpu_seconds));
    let mut landlock = Landlock::None;
    check("landlock", forbid_files().map(|level| landlock = level));
    let seccomp = check("seccomp", forbid_calls());
    Confinement { no_new_privs, limits, landlock, seccomp, refused }
}

fn limit(memory_mib: u64, cpu_seconds: u64) -> Result<(), String> {
    let limits = [
        (Resource::As, memory_mib.saturating_mul(1024 * 1024)),
        (Resource::Cpu, cpu_seconds),
        (Resource::Nofile, FILES),
        (Resource::Core, 0),
    ];
    let set = |(resource, value)| {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(resource, limit).err().map(|error| format!("{resource:?}: {error}"))
    };
    let refused: Vec<String> = limits.into_iter().filter_map(set).collect();
    if refused.is_empty() { Ok(()) } else { Err(refused.join(", ")) }
}

/// Landlock without a single exception: no path can be opened, no port bound or connected, no process outside signalled.
fn forbid_files() -> Result<Landlock, String> {
    let abi = ABI::V6;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(Landlock::Full),
        RulesetStatus::PartiallyEnforced => Ok(Landlock::Partial),
        RulesetStatus::NotEnforced => Err("this kernel does not have it".to_owned()),
    }
}

/// Two filters. Threads are allowed and processes are not, which only shows in the flags of `clone`; those of `clone3` lie
/// in memory where no filter can look, so it "does not exist", and the C library falls back to `clone`.
#[cfg(target_pointer_width = "64")]
fn forbid_calls() -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let no_clone3 = SeccompFilter::new(clone3, SeccompAction::Allow, errno(libc::ENOSYS), arch);
    let harmless = SeccompFilter::new(harmless()?, errno(libc::EPERM), SeccompAction::Allow, arch);
    for filter in [no_clone3, harmless] {
        let program = filter.and_then(BpfProgram::try_from).map_err(|error| error.to_string())?;
        seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The filter compiler knows 64-bit processors only.
#[cfg(not(target_pointer_width = "64"))]
fn forbid_calls() -> Result<(), String> {
    Err("not for 32-bit processors".to_owned())
}

/// The calls that are allowed: memory, threads, clocks, randomness, and reading and writing what is open already.
#[cfg(target_pointer_width = "64")]
fn harmless() -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    let always = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_ppoll,
        // Memory.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // Threads.
        libc::SYS_clone3,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_set_tid_address,
        libc::SYS_membarrier,
        // Signals: a panic or an abort must be able to end the process.
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        // Time and randomness.
        libc::SYS_clock_gettime,
        libc::SYS_clock_getres,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
        libc::SYS_sysinfo,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = always.into_iter().map(|call| (call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_poll, Vec::new());
    let equal = |argument, mask: i32, value: i32| {
        let (mask, value) = (u64::from(mask.unsigned_abs()), u64::from(value.unsigned_abs()));
        SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(|error| error.to_string())
    };
    let thread = libc::CLONE_THREAD | libc::CLONE_VM;
    rules.insert(libc::SYS_clone, vec![equal(0, thread, thread)?]);
    // No code but what the program came with.
    rules.insert(libc::SYS_mmap, vec![equal(2, libc::PROT_EXEC, 0)?]);
    rules.insert(libc::SYS_mprotect, vec![equal(2, libc::PROT_EXEC, 0)?]);
    // To itself only: `abort` raises a signal by these.
    let own = u64::from(std::process::id());
    let to_itself = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(|error| error.to_string())?;
    rules.insert(libc::SYS_tgkill, vec![to_itself]);
    Ok(rules)
}
