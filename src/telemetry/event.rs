//! What happens during a run, in the words of the pipeline.

use std::time::Duration;

use super::{Sample, Stage};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{GazetteId, Lane};
use crate::shutdown::StopReason;

/// One thing that happened. Durations are wall-clock time.
#[derive(Debug)]
pub enum Event<'a> {
    /// The lease is taken and the selection counted.
    RunStarted { selection: &'a str, selected: u64, recovered: u64, memory_budget_bytes: u64 },
    /// So many files of the folder are compared with the catalogue by now.
    FilesCompared { files: u64 },
    /// The folder was compared with the catalogue.
    FolderRegistered { new: u64, changed: u64, unchanged: u64, renditions: u64, vanished: u64, left_out: u64 },
    /// A registered file is no longer in the folder.
    FileVanished { path: &'a str },
    /// A file of the folder could not be looked at.
    FileLeftOut { reason: &'a str },
    /// The first process that reads documents was started: whether it is kept from files and from the network.
    ReadersConfined { files: bool, network: bool },
    /// The memory guard has changed how many documents are read at once.
    ReadersAdjusted { readers: u32, memory_bytes: u64, base_line_bytes: u64 },
    /// The run has to be done at a given moment (RFC 3339, in the machine's time zone), after so long.
    EndSet { at: &'a str, within: Duration },
    /// A page of the catalogue was read.
    PageListed { pass: u32, rows: usize, fresh: usize },
    /// A row could not be claimed: deleted, or held by somebody else.
    ClaimMissed { gazette: GazetteId },
    /// A gazette is this run's to work on; `key` is that of its file.
    Claimed { gazette: GazetteId, key: &'a str },
    /// It has waited long enough: the stage works on it.
    StageBegun { gazette: GazetteId, stage: Stage },
    /// A file is in the spool.
    Downloaded { gazette: GazetteId, bytes: u64, elapsed: Duration },
    /// A file was read. `scans` of its pages are for OCR.
    Extracted {
        gazette: GazetteId,
        pages: u32,
        scans: usize,
        characters: u64,
        recovered: bool,
        partial: bool,
        elapsed: Duration,
    },
    /// OCR is wanted and cannot be had.
    OcrUnavailable { why: &'a str },
    /// A lane begins, with so much to do: in the OCR lane pages are those that OCR reads.
    LaneBegun { lane: Lane, gazettes: u64, pages: u64 },
    /// A gazette is put off until its scans are read.
    Deferred { gazette: GazetteId, scans: u32 },
    /// OCR has looked at one page more.
    PageRecognized { gazette: GazetteId, elapsed: Duration },
    /// The run ends while the scans are read; `pages` were read by the engine.
    Interrupted { gazette: GazetteId, pages: u32, elapsed: Duration },
    /// What is on a scanned page was known before. `was_due`: the lane has counted it among those to be read.
    PageRemembered { gazette: GazetteId, was_due: bool },
    /// The scans of a gazette were read: by the engine, or it was remembered what it had read.
    Recognized {
        gazette: GazetteId,
        pages: u32,
        by_engine: u32,
        confidence: Option<f32>,
        warnings: &'a [FailureCode],
        elapsed: Duration,
    },
    /// A text is stored beside its file; so many bytes.
    TextStored { gazette: GazetteId, bytes: u64, elapsed: Duration },
    /// A bulk was answered.
    BulkAnswered { documents: usize, acknowledged: usize, resent: usize, rejected: usize, elapsed: Duration },
    /// A bulk was too large for one request, or failed whole again and again, and is sent in halves.
    BulkSplit { documents: usize },
    /// A call failed and is made again after a wait.
    Retrying { operation: &'a str, error: &'a dyn std::error::Error, wait: Duration, gazette: Option<GazetteId> },
    /// A service has answered for the first time in this run.
    ServiceAnswered { service: &'a str },
    /// A service is taken to be down: nobody calls it for so long, and the intake is paused.
    BreakerOpened { service: &'a str, error: &'a str, wait: Duration },
    /// One call finds out whether the service is back.
    BreakerHalfOpen { service: &'a str },
    /// It is not.
    BreakerReopened { service: &'a str },
    /// The service is back, after so long.
    BreakerClosed { service: &'a str, after: Duration },
    /// A service gets fewer calls at once, or more again.
    ConcurrencyChanged { service: &'a str, from: u32, to: u32 },
    /// A setting was read anew and holds from now on. Values are fit to be shown.
    SettingChanged { key: &'a str, from: &'a str, to: &'a str },
    /// A setting was read anew and waits for the next run.
    SettingWaits { key: &'a str, from: &'a str, to: &'a str, why: &'a str },
    /// Settings were read anew: so many changed, so many wait.
    SettingsReloaded { changed: usize, waiting: usize },
    /// Settings that were read anew are wrong, and none was changed.
    SettingsRefused { error: &'a str },
    /// What the run takes of the machine now.
    Sampled(&'a Sample),
    /// Downloads wait for room in the spool.
    SpoolFull { error: &'a str },
    /// A gazette was acknowledged and marked; `again`, when this run had indexed it before, without its scans.
    Indexed { gazette: GazetteId, bytes: u64, pages: u32, ocr_pages: u32, again: bool },
    /// A gazette was set aside; `key` is that of its file; `again` as above.
    Failed { gazette: GazetteId, key: &'a str, failure: &'a Failure, again: bool },
    /// A gazette was given back without an outcome, because the run ends; `again` as above.
    Released { gazette: GazetteId, again: bool },
    /// Somebody else took the gazette over: it was not marked; `again` as above.
    ClaimLost { gazette: GazetteId, again: bool },
    /// A version of the index is filled from now on, or gone on with.
    VersionBegun { version: &'a str, resumed: bool },
    /// So many of its documents are written.
    VersionFilled { documents: u64, all: u64 },
    /// It is searched from now on.
    VersionSearched { version: &'a str, documents: u64 },
    /// No new claims from here on.
    Draining { reason: &'a StopReason },
    /// Metrics or traces do not get where they should; the run goes on without.
    NotExported { to: &'a str, error: &'a str },
    /// The run is over; the counts are those of the run.
    RunFinished { stopped_by: Option<&'a str> },
}

impl Event<'_> {
    /// Whether a gazette is done with in this lane.
    #[must_use]
    pub fn finishes_a_gazette(&self) -> bool {
        matches!(self, Self::Indexed { .. } | Self::Failed { .. } | Self::Deferred { .. })
    }

    pub(super) fn failure_code(&self) -> Option<&'static str> {
        if let Self::Failed { failure, .. } = self { Some(failure.code.as_str()) } else { None }
    }

    /// Whether it is told only to those who want every step.
    pub(super) fn is_a_trace(&self) -> bool {
        matches!(
            self,
            Self::Claimed { .. }
                | Self::StageBegun { .. }
                | Self::PageRecognized { .. }
                | Self::PageRemembered { .. }
                | Self::FilesCompared { .. }
                | Self::Sampled(_)
        )
    }
}
