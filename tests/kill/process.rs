//! A run as a process that can be killed, and what it leaves behind in the process table.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes as long unless it hangs.
const PATIENCE: Duration = Duration::from_mins(5);

/// A run in a session of its own, so that the processes that it starts are known after its end.
pub struct Run {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Run {
    /// Starts a command; what it says goes to files, so that it never waits for a reader.
    /// Its environment is what the command says, and nothing else.
    pub fn start(command: &Command, stdout: PathBuf, stderr: PathBuf) -> Self {
        // It becomes the program that it is given.
        let mut session = Command::new("setsid");
        session.arg(command.get_program()).args(command.get_args()).current_dir(command.get_current_dir().unwrap());
        session.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        session.stdin(Stdio::null()).stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        Self { child: session.spawn().unwrap(), stdout, stderr }
    }

    /// Sends `SIGKILL` to the run alone. Its readers have to notice by themselves.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end of the run and of everything that it has started.
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the run does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        };
        let session = self.child.id();
        let gone = Instant::now() + Duration::from_secs(20);
        while !members(session).is_empty() {
            assert!(Instant::now() < gone, "processes of the dead run live on: {:?}", members(session));
            std::thread::sleep(Duration::from_millis(2));
        }
        Ended { status, stdout: fs::read_to_string(&self.stdout).unwrap(), stderr: self.said() }
    }

    /// Log lines so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap()).into_owned()
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// The log has a line with this message.
    pub fn told(&self, message: &str) -> bool {
        self.stderr.contains(&format!(r#""message":"{message}""#))
    }

    /// Another run held the lease.
    pub fn was_busy(&self) -> bool {
        self.stdout.contains("already_running")
    }
}

/// Living processes of a session (proc(5), `/proc/PID/stat`: after the name in parentheses: state, parent, group, session).
fn members(session: u32) -> Vec<String> {
    let stats = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        // A process may end while it is looked at.
        fs::read_to_string(entry.ok()?.path().join("stat")).ok()
    });
    stats
        .filter(|stat| {
            let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
            let mut words = rest.split(' ');
            let (state, of) = (words.next(), words.nth(2));
            state != Some("Z") && of == Some(&session.to_string())
        })
        .collect()
}
