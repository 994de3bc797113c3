//! An engine's process: it is given a picture on standard input and answers on standard output, may read its own program
//! and data and nothing else, has bounded memory and CPU time, and is ended when its time is up.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::EngineError;
use crate::extraction::confinement;
use crate::telemetry::OwnStatus;

/// What an engine answers is cut off behind so many bytes: the largest pages have a tenth of it.
const ANSWER_BYTES: u64 = 16 * 1024 * 1024;
/// Of what it says on standard error, as much is looked at.
const SAID_BYTES: u64 = 4 * 1024;
/// Where programs and their libraries are.
const SYSTEM: &[&str] = &["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/nix/store"];

/// How an engine is started.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    /// The caller's own program and hidden verb, which calls [`become_engine`].
    pub wrapper: (PathBuf, OsString),
    pub program: PathBuf,
    /// Where its data is, when that is not among the files of the system.
    pub data: Option<PathBuf>,
}

/// What a process is told that becomes an engine: see [`become_engine`].
#[derive(Debug)]
pub struct Orders {
    pub memory_bytes: u64,
    pub cpu_seconds: u64,
    pub data: Option<PathBuf>,
    /// The engine's program, then its arguments.
    pub command: Vec<OsString>,
}

/// Confines this process, and becomes the engine.
///
/// # Errors
/// Always, if it returns: why it could not.
pub fn become_engine(orders: &Orders) -> io::Error {
    let attempt = || -> io::Result<Command> {
        let (program, arguments) =
            orders.command.split_first().ok_or_else(|| io::Error::other("no program is named"))?;
        let status = OwnStatus::open()?;
        let mut files: Vec<&Path> = SYSTEM.iter().map(Path::new).collect();
        files.extend(orders.data.as_deref());
        files.extend(Path::new(program).parent());
        confinement::confine_to(&files)?;
        confinement::bound_memory(&status, orders.memory_bytes)?;
        confinement::bound_cpu(orders.cpu_seconds)?;
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(command)
    };
    match attempt() {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

/// What an engine answered.
pub(super) struct Answer {
    pub output: Vec<u8>,
    pub said: String,
}

/// Runs the engine on a picture.
///
/// # Errors
/// When it cannot be started, its time is up, or it ends with anything but success.
pub(super) fn run(
    launch: &Launch,
    arguments: &[&OsStr],
    input: &[u8],
    memory_bytes: u64,
    timeout: Duration,
) -> Result<Answer, EngineError> {
    let mut child = start(launch, arguments, memory_bytes, timeout)
        .map_err(|error| EngineError::NotStarted(format!("{}: {error}", launch.program.display())))?;
    let deadline = Instant::now() + timeout;
    let result = std::thread::scope(|scope| {
        if let Some(mut pipe) = child.stdin.take() {
            // It may end without having read everything; then the pipe is broken, and its exit status tells more.
            scope.spawn(move || drop(pipe.write_all(input)));
        }
        let answered = listen(&mut child, deadline);
        if answered.is_err() {
            // Whoever still writes to it is let go.
            let _ = child.kill();
        }
        answered
    });
    let status = child.wait().map_err(|error| EngineError::Ended(error.to_string()))?;
    let Ok(answer) = result else { return Err(EngineError::TooLate(timeout)) };
    if status.success() {
        return Ok(answer);
    }
    let last =
        answer.said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing").to_owned();
    Err(match (status.signal(), status.code()) {
        (Some(libc::SIGXCPU), _) => EngineError::TooLate(timeout),
        (Some(signal), _) => EngineError::Ended(format!("signal {signal}; last words: {last}")),
        (None, code) => EngineError::Ended(format!("exit code {}; last words: {last}", code.unwrap_or(-1))),
    })
}

fn start(launch: &Launch, arguments: &[&OsStr], memory_bytes: u64, timeout: Duration) -> io::Result<Child> {
    let (wrapper, verb) = &launch.wrapper;
    let mut command = Command::new(wrapper);
    command
        .arg0("prelo")
        .arg(verb)
        .args(["--memory-bytes", &memory_bytes.to_string(), "--cpu-seconds", &timeout.as_secs().max(1).to_string()])
        .env_clear()
        // One picture, one thread: as many pictures are read at once as there are cores.
        .env("OMP_THREAD_LIMIT", "1")
        // Its process is short: what it frees it soon wants again, and page faults cost a few percent of its time.
        .env("MALLOC_TRIM_THRESHOLD_", "1000000000")
        .env("MALLOC_MMAP_THRESHOLD_", "1000000000")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(data) = &launch.data {
        command.arg("--data").arg(data).env("TESSDATA_PREFIX", data);
    }
    command.arg("--").arg(&launch.program).args(arguments).spawn()
}

/// Takes what the engine answers until it closes its pipes.
///
/// # Errors
/// When its time is up, or nothing can be read.
fn listen(child: &mut Child, deadline: Instant) -> io::Result<Answer> {
    let (Some(mut answers), Some(mut says)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("its pipes are missing"));
    };
    let (mut output, mut said) = (Vec::new(), Vec::new());
    let (mut answering, mut saying) = (true, true);
    while answering || saying {
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        let timeout = Timespec::try_from(left.ok_or(io::ErrorKind::TimedOut)?).map_err(io::Error::other)?;
        let mut polled = Vec::with_capacity(2);
        let wanted = PollFlags::IN | PollFlags::HUP;
        if answering {
            polled.push(PollFd::from_borrowed_fd(answers.as_fd(), wanted));
        }
        if saying {
            polled.push(PollFd::from_borrowed_fd(says.as_fd(), wanted));
        }
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = polled.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
        if answering && ready.next().unwrap_or(false) {
            answering = take_some(&mut answers, &mut output, ANSWER_BYTES)?;
        }
        if saying && ready.next().unwrap_or(false) {
            saying = take_some(&mut says, &mut said, SAID_BYTES)?;
        }
    }
    Ok(Answer { output, said: String::from_utf8_lossy(&said).into_owned() })
}

/// Whether more may come. What comes beyond the cap is dropped.
fn take_some(from: &mut impl Read, into: &mut Vec<u8>, cap: u64) -> io::Result<bool> {
    let mut chunk = [0; 16 * 1024];
    let read = from.read(&mut chunk)?;
    let room = usize::try_from(cap).unwrap_or(usize::MAX).saturating_sub(into.len());
    into.extend_from_slice(&chunk[..read.min(room)]);
    Ok(read > 0)
}
