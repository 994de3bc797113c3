//! The parent's side of one child.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::autopsy::{self, Ended};
use super::frame::{self, Frame};
use super::request::{self, Request};
use super::{Recycling, Settings};
use crate::extraction::confinement::Confinement;
use crate::failure::Failure;
use crate::telemetry::resident_bytes_of;

/// A child may take so long until it can be asked: it only starts.
const START: Duration = Duration::from_secs(30);
/// What jemalloc is told in a child: nothing that keeps or reserves memory, which counts against its bound.
const ALLOCATOR: (&str, &str) = (
    "_RJEM_MALLOC_CONF",
    "background_thread:false,retain:false,narenas:2,tcache_max:4096,dirty_decay_ms:200,muzzy_decay_ms:0",
);
/// Of what a child says on standard error, as much is looked at.
const LAST_WORDS_BYTES: u64 = 8 * 1024;

/// A child that reads documents, one at a time.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    requests: OwnedFd,
    answers: ChildStdout,
    says: ChildStderr,
    confinement: Confinement,
    documents: u32,
    /// As many may it read.
    documents_at_most: u32,
    started: Instant,
    resident_at_start: u64,
}

/// What became of a document.
#[derive(Debug)]
pub(super) enum Answer<A> {
    Given(A),
    Failed(Failure),
}

impl Worker {
    /// Starts a child and waits until it can be asked. `number` tells children apart, and gives each another age.
    ///
    /// # Errors
    /// When it cannot be started, or ends at once.
    pub fn start(settings: &Settings, number: u64) -> io::Result<Self> {
        let (requests, theirs) = request::channel()?;
        let mut child = Command::new(&settings.program)
            .arg0("prelo")
            .args(&settings.arguments)
            .env_clear()
            .env(ALLOCATOR.0, ALLOCATOR.1)
            .current_dir("/")
            // A ^C, and the end of a terminal, go to the whole group in front of it. They are for the run, which lets its
            // readers finish.
            .process_group(0)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (Some(answers), Some(says)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("its pipes are missing"));
        };
        let mut worker = Self {
            child,
            requests,
            answers,
            says,
            confinement: Confinement::default(),
            documents: 0,
            documents_at_most: with_jitter(settings.recycling.documents, number),
            started: Instant::now(),
            resident_at_start: 0,
        };
        let mut answers = Patient::new(&mut worker.answers, Instant::now() + START, START);
        match frame::read(&mut answers) {
            Ok(Frame::Ready(confinement)) => {
                worker.confinement = confinement;
                worker.resident_at_start = resident_bytes_of(worker.child.id());
                Ok(worker)
            }
            _ => {
                let status = worker.end();
                let said = worker.last_words();
                let status = status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
                Err(io::Error::other(format!("it did not begin ({status}): {}", said.trim())))
            }
        }
    }

    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// Documents that it was asked to read.
    pub fn documents(&self) -> u32 {
        self.documents
    }

    /// Whether it is to be replaced.
    pub fn is_spent(&self, recycling: &Recycling) -> bool {
        self.documents >= self.documents_at_most
            || self.started.elapsed() >= recycling.age
            || resident_bytes_of(self.child.id()) > self.resident_at_start.saturating_add(recycling.growth_bytes)
    }

    /// Has something done with a document. `take` is given the frame that answers, and takes what follows it; an error of
    /// it that is `InvalidData` says that the child talks nonsense. After an error the child is of no use any more:
    /// [`Worker::autopsy`] says why.
    ///
    /// # Errors
    /// When no answer came.
    pub fn ask<A>(
        &mut self,
        file: &File,
        request: &Request,
        deadline: Instant,
        silence: Duration,
        mut take: impl FnMut(Frame, &mut Patient<'_>) -> io::Result<A>,
    ) -> Result<Answer<A>, Ended> {
        let asked = Instant::now();
        request::send(&self.requests, request, file).map_err(|_| Ended::BeforeAsked)?;
        self.documents += 1;
        let mut answers = Patient::new(&mut self.answers, deadline, silence);
        let ended = |answers: &Patient<'_>, error: io::Error| match error.kind() {
            io::ErrorKind::TimedOut if answers.is_late() => Ended::TooLate(deadline - asked),
            io::ErrorKind::TimedOut => Ended::Silent(silence),
            io::ErrorKind::InvalidData => Ended::Garbled(error.to_string()),
            _ => Ended::ByItself,
        };
        loop {
            match frame::read(&mut answers) {
                Ok(Frame::Page) => {}
                Ok(Frame::Failed(failure)) => return Ok(Answer::Failed(failure)),
                Ok(Frame::Ready(_)) => return Err(Ended::Garbled("it began again".to_owned())),
                Ok(frame) => {
                    let given = take(frame, &mut answers).map_err(|error| ended(&answers, error))?;
                    return Ok(Answer::Given(given));
                }
                Err(error) => return Err(ended(&answers, error)),
            }
        }
    }

    /// Ends the child and says what its document died of; `None` when the child had never seen it.
    pub fn autopsy(mut self, ended: Ended) -> Option<Failure> {
        // Closed pipes come a moment before the end of the process.
        let status = if ended == Ended::ByItself { self.wait_a_moment() } else { None };
        let status = status.or_else(|| self.end());
        let said = self.last_words();
        autopsy::failure(ended, status, &said)
    }

    fn wait_a_moment(&mut self) -> Option<ExitStatus> {
        for _ in 0..200 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    fn end(&mut self) -> Option<ExitStatus> {
        // It may have ended by itself meanwhile; it must be waited for all the same.
        let _ = self.child.kill();
        self.child.wait().ok()
    }

    /// To be asked when the child has ended: the pipe then holds all that will ever come.
    fn last_words(&mut self) -> String {
        let mut said = Vec::new();
        let _ = (&mut self.says).take(LAST_WORDS_BYTES).read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// What follows a frame: so many bytes.
pub(super) fn read_bytes(from: &mut impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(bytes).map_err(|_| frame::garbled("an answer too long for this machine"))?;
    let mut content = Vec::with_capacity(length);
    from.take(bytes).read_to_end(&mut content)?;
    if content.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(content)
}

/// A quarter more or less, spread evenly over children that follow each other.
fn with_jitter(documents: u32, number: u64) -> u32 {
    // Multiples of the golden ratio modulo one (Knuth, TAOCP 3, 6.4) never bunch up.
    #[allow(clippy::cast_precision_loss)] // a number of children
    let spread = (number as f64 * 0.618_033_988_749_895).fract() - 0.5;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, and small
    let jittered = (f64::from(documents) * (1.0 + spread / 2.0)) as u32;
    jittered.max(1)
}

/// A pipe that is read with patience: until a deadline, and only while something comes.
pub(super) struct Patient<'a> {
    pipe: &'a mut ChildStdout,
    deadline: Instant,
    silence: Duration,
    heard: Instant,
    /// What is left of the deadline does not shrink while we ourselves wait.
    asked: Instant,
}

impl<'a> Patient<'a> {
    fn new(pipe: &'a mut ChildStdout, deadline: Instant, silence: Duration) -> Self {
        Self { pipe, deadline, silence, heard: Instant::now(), asked: Instant::now() }
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Waiting for room is not the child's time.
    pub fn renew(&mut self) {
        let now = Instant::now();
        self.deadline = now + self.deadline.saturating_duration_since(self.asked);
        (self.heard, self.asked) = (now, now);
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let now = Instant::now();
            let until = self.deadline.min(self.heard + self.silence);
            let Some(left) = until.checked_duration_since(now).filter(|left| !left.is_zero()) else {
                return Err(io::ErrorKind::TimedOut.into());
            };
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut polled = [PollFd::from_borrowed_fd(self.pipe.as_fd(), PollFlags::IN)];
            match poll(&mut polled, Some(&timeout)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    let read = self.pipe.read(buffer)?;
                    self.heard = Instant::now();
                    return Ok(read);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_not_replaced_all_at_once() {
        let ages: Vec<u32> = (0..8).map(|number| with_jitter(200, number)).collect();
        assert!(ages.iter().all(|age| (150..=250).contains(age)), "{ages:?}");
        let mut distinct = ages.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ages.len(), "{ages:?}");
        assert_eq!(with_jitter(1, 0), 1);
    }
}
