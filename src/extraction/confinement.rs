//! What a process gives up before it looks at a document or a picture of one: privileges, the file system, the network,
//! and being dumped.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::thread::set_no_new_privs;
use rustix::time::{ClockId, clock_gettime};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use serde::{Deserialize, Serialize};

use crate::telemetry::OwnStatus;

/// What this machine's kernel lets a child give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Confinement {
    /// It can open no file (Landlock).
    pub files: bool,
    /// It can open no socket and start no program (seccomp).
    pub network: bool,
}

/// Gives up what the kernel lets go. What is opened already stays open. To be called before any thread is started:
/// threads inherit it.
///
/// # Errors
/// When not even privileges can be given up.
pub(super) fn confine() -> io::Result<Confinement> {
    without_privileges()?;
    Ok(Confinement { files: only_files(&[]).unwrap_or(false), network: forbid(&[NETWORK, PROGRAMS]).unwrap_or(false) })
}

/// The same for a process that is about to become another program, which it and its data are read from `files` (folders
/// with all below them): nothing else can be read, and nothing written.
///
/// # Errors
/// When not even privileges can be given up.
pub(super) fn confine_to(files: &[&Path]) -> io::Result<Confinement> {
    without_privileges()?;
    // No file may grow: what the program answers goes into a pipe.
    setrlimit(Resource::Fsize, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(Confinement { files: only_files(files).unwrap_or(false), network: forbid(&[NETWORK]).unwrap_or(false) })
}

fn without_privileges() -> io::Result<()> {
    set_no_new_privs(true)?;
    // A core would hold the document, and cost as much disk as it had memory.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A parent that is killed leaves nobody behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

/// Landlock with everything handled, and nothing allowed but to read and run what lies in `files` (landlock(7)).
fn only_files(files: &[&Path]) -> Result<bool, landlock::RulesetError> {
    // The newest set of rights that is known; older kernels take what they know of it.
    let abi = ABI::V6;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(files, AccessFs::from_read(abi)))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// System calls that fail with `EPERM`: none of them is needed to read a document.
const NETWORK: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
];

/// And these, where no other program is to be started.
const PROGRAMS: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];

fn forbid(calls: &[&[i64]]) -> Option<bool> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let rules: BTreeMap<i64, Vec<_>> = calls.iter().copied().flatten().map(|call| (*call, Vec::new())).collect();
    let denied = SeccompAction::Errno(u32::try_from(libc::EPERM).ok()?);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch).ok()?;
    let program: BpfProgram = filter.try_into().ok()?;
    Some(seccompiler::apply_filter(&program).is_ok())
}

/// Bounds the heap: `bytes` more than there is now. An allocation beyond it ends the process (setrlimit(2),
/// `RLIMIT_DATA`: private writable memory, so that mapped files do not count).
pub(super) fn bound_memory(status: &OwnStatus, bytes: u64) -> io::Result<()> {
    let limit = Some(status.data_bytes()?.saturating_add(bytes));
    Ok(setrlimit(Resource::Data, Rlimit { current: limit, maximum: limit })?)
}

/// Bounds the CPU time from now on; what was spent before does not count.
pub(super) fn bound_cpu(seconds: u64) -> io::Result<()> {
    let spent = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0);
    let limit = Some(spent.saturating_add(seconds).saturating_add(1));
    Ok(setrlimit(Resource::Cpu, Rlimit { current: limit, maximum: getrlimit(Resource::Cpu).maximum })?)
}
