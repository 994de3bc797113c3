//! Brings claimed files into the spool: HEAD, byte permit, GET, md5; a bounded number at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use md5::{Digest, Md5};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{Receiver, Sender};

use super::dependency::{self, Refusals, Refused, Service, Testifies as _, Verdict};
use super::spool::{Spool, SpooledFile};
use super::spool_room::SpoolRoom;
use super::time_left::TimeLeft;
use super::workers::Workers;
use super::{Claimed, Context, Outcome, Spooled};
use crate::budget::{ByteBudget, BytePermit};
use crate::checksum::hex;
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::Gazette;
use crate::retry::Retry as _;
use crate::shutdown::StopReason;
use crate::storage::{FileVersion, ObjectHead};
use crate::telemetry::{Event, Stage, with_causes};

mod fetch_error;

use fetch_error::{FetchError, acceptable, spool_full, verify};

pub(super) async fn run(
    context: Context,
    spool: Arc<Spool>,
    budget: ByteBudget,
    mut claimed: Receiver<Claimed>,
    spooled: Sender<Spooled>,
    outcomes: Sender<Outcome>,
) {
    let room = SpoolRoom::default();
    let downloader =
        Arc::new(Downloader { context, spool, budget, room, refusals: Mutex::default(), spooled, outcomes });
    let mut workers = Workers::new(&downloader.context, downloader.context.config.download_concurrency);
    while let Some(item) = claimed.recv().await {
        workers.limit(downloader.context.config.download_concurrency);
        let downloader = downloader.clone();
        workers.start(async move { downloader.download(item).await }).await;
    }
    workers.finish().await;
    downloader.settle_refusals().await;
}

struct Downloader {
    context: Context,
    spool: Arc<Spool>,
    budget: ByteBudget,
    room: SpoolRoom,
    /// Held without a byte permit and without a slot.
    refusals: Mutex<Refusals<(Gazette, Failure)>>,
    spooled: Sender<Spooled>,
    outcomes: Sender<Outcome>,
}

/// A file whose size is known and fits, with the bytes that it may take.
struct Admitted {
    head: ObjectHead,
    permit: BytePermit,
}

/// What came of a download that brought no file.
enum Undone {
    SetAside(Failure),
    /// It is not known yet whose fault it is.
    HeldBack(Failure),
    /// The run stops.
    GivenBack,
}

impl Downloader {
    async fn download(&self, Claimed { gazette, suspect, version, ocr_due }: Claimed) {
        let id = gazette.id;
        // Here, where it has its slot: what waited for one may have waited long.
        self.context.dependencies.settled(&self.context).await;
        self.room.settled(&self.context).await;
        // A closed channel means that the run has ended: nobody is left to tell.
        if !self.context.shutdown.is_running() {
            let _ = self.outcomes.send(Outcome::Released { id }).await;
            return;
        }
        self.context.telemetry.emit(&Event::StageBegun { gazette: id, stage: Stage::Download });
        let started = Instant::now();
        let mut bytes = None;
        let time = TimeLeft::new(Duration::from_secs(self.context.config.gazette_timeout_seconds));
        let fetched = match self.in_place(&gazette, version).await {
            Some(there) => Ok(there),
            None => self.fetch(&gazette, &time, &mut bytes).await,
        };
        let error = match fetched {
            Ok((file, permit)) => {
                failpoint::pass(Point::Spooled);
                self.answered().await;
                self.context.telemetry.emit(&Event::Downloaded {
                    gazette: id,
                    bytes: file.bytes,
                    elapsed: started.elapsed(),
                });
                let _ = self.spooled.send(Spooled { gazette, suspect, ocr_due, file, permit, time }).await;
                return;
            }
            Err(error) => error,
        };
        match self.judge(error).await {
            Undone::SetAside(failure) => {
                let outcome = Outcome::failed(&self.context.config, &gazette, failure, bytes, None);
                let _ = self.outcomes.send(outcome).await;
            }
            Undone::HeldBack(failure) => self.hold_back(gazette, failure).await,
            Undone::GivenBack => drop(self.outcomes.send(Outcome::Released { id }).await),
        }
    }

    async fn judge(&self, error: FetchError) -> Undone {
        let error = match error {
            FetchError::File { failure, .. } => {
                if failure.code == FailureCode::SpoolFull {
                    if let Some(reason) = self.room.lost(&failure.detail) {
                        self.context.stop(reason);
                        return Undone::GivenBack;
                    }
                } else if failure.code != FailureCode::DownloadTimeout {
                    self.answered().await;
                }
                return Undone::SetAside(failure);
            }
            FetchError::Storage(error) => error,
            FetchError::GivenUp => return Undone::GivenBack,
        };
        let detail = with_causes(&error);
        match dependency::verdict(error.kind) {
            Verdict::Gazette(code) => Undone::SetAside(Failure::new(code, detail)),
            Verdict::Refused => Undone::HeldBack(Failure::new(FailureCode::AccessDenied, detail)),
            Verdict::Ask(code) if self.context.storage.check().await.is_ok() => {
                Undone::SetAside(Failure::new(code, detail))
            }
            Verdict::Ask(_) | Verdict::Storage => {
                self.context.stop(StopReason::DependencyDown(detail));
                Undone::GivenBack
            }
        }
    }

    /// The storage let somebody see a file: what it refused, it refused for its own sake.
    async fn answered(&self) {
        let refused = self.refusals().succeeded();
        self.set_aside(refused).await;
    }

    async fn hold_back(&self, gazette: Gazette, failure: Failure) {
        let refused = self.refusals().refused((gazette, failure));
        if let Refused::Everything(all) = refused {
            self.give_back(all).await;
        }
    }

    /// At the end of the intake. Refusals after the last success are the gazettes' if the storage still welcomes the
    /// key. When nothing was ever handed out, that would prove little (a key that may list and not read is the most
    /// usual mistake): every file was refused, so nothing is set aside.
    async fn settle_refusals(&self) {
        let (held, ever_succeeded) = self.refusals().finish();
        if held.is_empty() {
            return;
        }
        if ever_succeeded && self.context.storage.check().await.is_ok() {
            self.set_aside(held).await;
        } else {
            self.give_back(held).await;
        }
    }

    async fn set_aside(&self, refused: Vec<(Gazette, Failure)>) {
        for (gazette, failure) in refused {
            let outcome = Outcome::failed(&self.context.config, &gazette, failure, None, None);
            let _ = self.outcomes.send(outcome).await;
        }
    }

    /// Everything is refused: the run stops. The storage may say more of the reason than a refused HEAD can.
    async fn give_back(&self, refused: Vec<(Gazette, Failure)>) {
        if self.context.shutdown.is_running()
            && let Some((_, failure)) = refused.last()
        {
            let reason = match self.context.storage.check().await {
                Err(error) => with_causes(&error),
                Ok(_) => format!(
                    "the storage can be reached and refused all of the last {} files, so that the access key may be \
                     to blame rather than the files; let it read objects (s3:GetObject): {}",
                    refused.len(),
                    failure.detail
                ),
            };
            self.context.stop(StopReason::DependencyDown(reason));
        }
        for (gazette, _) in refused {
            let _ = self.outcomes.send(Outcome::Released { id: gazette.id }).await;
        }
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals<(Gazette, Failure)>> {
        // A panic in between leaves a list behind, not a broken invariant.
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file of a folder need be neither copied nor read for its md5 once more when it is as it was registered. Whatever
    /// else there is about it, [`Downloader::fetch`] finds out.
    async fn in_place(&self, gazette: &Gazette, version: Option<FileVersion>) -> Option<(SpooledFile, BytePermit)> {
        let (version, key) = (version?, gazette.file_path.as_deref()?);
        let file = self.context.storage.local(key).await.ok()??;
        acceptable(version.bytes, self.context.config.max_file_size_mb * 1024 * 1024).ok()?;
        let permit = self.budget.acquire(0).await;
        (file.version == version).then(|| (SpooledFile::in_place(file), permit))
    }

    /// One HEAD, then the whole GET as often as it is worth it; the permit is held through the waits. A file that was
    /// replaced meanwhile begins again with its HEAD. `bytes` is set as soon as the size is known.
    async fn fetch(
        &self,
        gazette: &Gazette,
        time: &TimeLeft,
        bytes: &mut Option<u64>,
    ) -> Result<(SpooledFile, BytePermit), FetchError> {
        let policy = self.context.retry_policy(self.context.config.download_attempts);
        let mut waits = policy.delays();
        let mut admitted = None;
        let mut checksum_failed = false;
        loop {
            let mut waited = false;
            let (error, kept) = match self.attempt(gazette, time, admitted.take(), bytes, &mut waited).await {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            admitted = kept;
            if waited {
                waits = policy.delays();
            }
            // The same wrong bytes twice are what the storage has.
            let same_bytes = error.is(FailureCode::Checksum) && std::mem::replace(&mut checksum_failed, true);
            let wait = if error.is_retryable() && !same_bytes { waits.next() } else { None };
            let Some(wait) = wait else {
                if dependency::is_to_blame(&self.context, &error).await {
                    waits = policy.delays();
                    time.restore();
                    continue;
                }
                return Err(error);
            };
            self.context.telemetry.emit(&Event::Retrying {
                operation: "download a file",
                error: &error,
                wait,
                gazette: Some(gazette.id),
            });
            let _full = error.is(FailureCode::SpoolFull).then(|| self.room.wait(&self.context, &error));
            // Out of time, the next attempt says so.
            time.run(tokio::time::sleep(wait)).await;
        }
    }

    /// Fails with what the next attempt may keep. `waited` is set when the storage was down in between.
    async fn attempt(
        &self,
        gazette: &Gazette,
        time: &TimeLeft,
        admitted: Option<Admitted>,
        bytes: &mut Option<u64>,
        waited: &mut bool,
    ) -> Result<(SpooledFile, BytePermit), (FetchError, Option<Admitted>)> {
        let key = gazette.file_path.as_deref().unwrap_or_default();
        let admitted = match admitted {
            Some(admitted) => admitted,
            None => {
                let head = async { Ok(self.context.storage.head(key).await?) };
                let head = self.through_the_gate(time, waited, head).await.map_err(|error| (error, None))?;
                *bytes = Some(head.bytes);
                acceptable(head.bytes, self.context.config.max_file_size_mb * 1024 * 1024)
                    .map_err(|error| (error, None))?;
                let permit = self.budget.acquire(head.bytes).await;
                Admitted { head, permit }
            }
        };
        let get = self.get_within_deadline(gazette, key, &admitted.head);
        match self.through_the_gate(time, waited, get).await {
            Ok(file) => {
                self.room.found();
                Ok((file, admitted.permit))
            }
            Err(error) if error.is_replaced() => Err((error, None)),
            Err(error) => Err((error, Some(admitted))),
        }
    }

    /// Makes a call when the storage can be called, within the time of its gazette.
    async fn through_the_gate<T>(
        &self,
        time: &TimeLeft,
        waited: &mut bool,
        call: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let context = &self.context;
        let entry = context.dependencies.gate(Service::Storage).enter().await.ok_or(FetchError::GivenUp)?;
        *waited |= entry.waited;
        let whole = Duration::from_secs(context.config.gazette_timeout_seconds);
        let result = time.run(call).await.unwrap_or_else(|| Err(FetchError::late("download the file", whole)));
        match &result {
            Ok(_) => entry.succeeded(context),
            Err(error) => dependency::note(context, entry, error).await,
        }
        result
    }

    async fn get_within_deadline(
        &self,
        gazette: &Gazette,
        key: &str,
        head: &ObjectHead,
    ) -> Result<SpooledFile, FetchError> {
        let seconds = self.context.config.download_timeout_seconds;
        match tokio::time::timeout(Duration::from_secs(seconds), self.get(gazette, key, head)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::file(
                FailureCode::DownloadTimeout,
                format!("{key} did not arrive whole within {seconds} s (download_timeout_seconds)"),
                true,
            )),
        }
    }

    async fn get(&self, gazette: &Gazette, key: &str, head: &ObjectHead) -> Result<SpooledFile, FetchError> {
        let stall = Duration::from_secs(self.context.config.download_stall_timeout_seconds);
        let stalled = || {
            let detail = format!("{key} sent no byte for {} s (download_stall_timeout_seconds)", stall.as_secs());
            FetchError::file(FailureCode::DownloadTimeout, detail, true)
        };
        let mut spooled = self.spool.place(gazette.id);
        let mut file = self.create(&spooled).await.map_err(|error| spool_full(&error))?;
        let mut md5 = Md5::new();
        let mut received = 0_u64;
        let get = self.context.storage.get(key, head.etag.as_deref());
        let mut body = tokio::time::timeout(stall, get).await.map_err(|_| stalled())??;
        while let Some(chunk) = tokio::time::timeout(stall, body.next()).await.map_err(|_| stalled())? {
            let chunk = chunk?;
            received += chunk.len() as u64;
            if received > head.bytes {
                let detail = format!("{key} sends more than the {} bytes that its HEAD announced", head.bytes);
                return Err(FetchError::file(FailureCode::TooLarge, detail, false));
            }
            md5.update(&chunk);
            file.write_all(&chunk).await.map_err(|error| spool_full(&error))?;
        }
        file.flush().await.map_err(|error| spool_full(&error))?;
        if received < head.bytes {
            let detail = format!("{key} sent {received} of the {} bytes that its HEAD announced", head.bytes);
            return Err(FetchError::file(FailureCode::SizeMismatch, detail, true));
        }
        verify(key, gazette.file_checksum.as_deref(), &hex(&md5.finalize()))?;
        spooled.bytes = received;
        Ok(spooled)
    }

    /// Also when somebody has removed the run's folder.
    async fn create(&self, place: &SpooledFile) -> std::io::Result<tokio::fs::File> {
        match tokio::fs::File::create(place.path()).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.spool.restore()?;
                tokio::fs::File::create(place.path()).await
            }
            result => result,
        }
    }
}
