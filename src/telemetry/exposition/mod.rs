//! What is known of a run and of the backlog, as Prometheus metrics. Names begin with `prelo_`, units are seconds and bytes,
//! labels have few values (<https://prometheus.io/docs/practices/naming/>). Counters begin anew with each run.

mod page;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use page::{Page, number};

use super::operations::OPERATIONS;
use super::{BreakerState, DOCUMENTS, Live, SECONDS, Stage, StageUse};
use crate::failure::FailureCode;
use crate::gazette::{EXTRACTOR_VERSION, Lane};

/// The backlog in numbers, from the catalogue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Backlog {
    pub processed: u64,
    /// Not processed and not failed.
    pub pending: u64,
    /// By code.
    pub failed: BTreeMap<String, u64>,
    /// Of the failed, those that a later run tries again.
    pub retry_waiting: u64,
    /// Leased by a live run.
    pub in_work: u64,
    /// Gazettes and pages that wait for OCR.
    pub scans: u64,
    pub scanned_pages: u64,
    /// Since the oldest pending gazette was scraped; `None` when nothing is pending.
    pub oldest_pending_seconds: Option<f64>,
    /// When the last run ended that did all of its work, in seconds since 1970.
    pub last_success: Option<f64>,
    /// When the last run was at work that indexed something, the same.
    pub last_indexed: Option<f64>,
}

/// What there is to be exposed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exposed<'a> {
    pub live: Option<&'a Live>,
    /// The run is at work; of one that is over, nothing is told to be in hand.
    pub is_active: bool,
    /// When the run began, in seconds since 1970, where that is known better than by the time that it took.
    pub began: Option<f64>,
    pub backlog: Option<&'a Backlog>,
    /// Whether each service answers, where it was asked.
    pub dependencies: &'a [(&'a str, bool)],
    /// Spans that were lost because the collector was slower than the run.
    pub dropped_spans: Option<u64>,
}

/// The metrics as text, in the exposition format 0.0.4.
#[must_use]
pub fn exposition(exposed: &Exposed<'_>) -> String {
    let mut page = Page::default();
    page.gauges("prelo_build_info", "The program: always 1.", |add| {
        let extractor = EXTRACTOR_VERSION.to_string();
        add(&[("version", env!("CARGO_PKG_VERSION")), ("extractor_version", &extractor)], 1.0);
    });
    page.gauge("prelo_run_active", "1 while a run is at work.", f64::from(u8::from(exposed.is_active)));
    page.gauges("prelo_dependency_up", "1 when the service answers.", |add| {
        for (service, up) in exposed.dependencies {
            add(&[("service", service)], f64::from(u8::from(*up)));
        }
    });
    if let Some(live) = exposed.live {
        let live = if exposed.is_active { Cow::Borrowed(live) } else { Cow::Owned(live.at_rest()) };
        work(&mut page, &live, exposed.began);
        machine(&mut page, &live);
        services(&mut page, &live);
    }
    if let Some(dropped) = exposed.dropped_spans {
        page.counter("prelo_trace_spans_dropped_total", "Spans that the collector did not get.", dropped);
    }
    if let Some(backlog) = exposed.backlog {
        waiting(&mut page, backlog);
    }
    page.text()
}

/// A number of one stage.
type OfStage = fn(&StageUse) -> u64;

fn work(page: &mut Page, live: &Live, began: Option<f64>) {
    let counts = &live.counts;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let began = began.unwrap_or_else(|| now() - counts.seconds);
    page.gauge("prelo_run_start_timestamp_seconds", "When the run began.", began);
    page.gauge("prelo_run_duration_seconds", "How long the run is at work, or was.", counts.seconds);
    page.gauge("prelo_run_selected_gazettes", "Gazettes that the run was to do.", number(counts.selected));
    page.counters("prelo_documents_total", "Gazettes with an outcome, by outcome and failure code.", |add| {
        add(&[("outcome", "indexed"), ("code", "none")], number(counts.indexed));
        add(&[("outcome", "skipped"), ("code", "none")], number(counts.skipped));
        // All of them, so that the first failure of a kind is an increase.
        for code in FailureCode::ALL {
            let failed = counts.failed.get(code.as_str()).copied().unwrap_or(0);
            add(&[("outcome", "failed"), ("code", code.as_str())], number(failed));
        }
    });
    page.gauge("prelo_deferred_gazettes", "Gazettes of the run that wait for OCR.", number(counts.deferred));
    page.counter("prelo_document_bytes_total", "Size of the files that were indexed.", counts.bytes);
    page.counter("prelo_downloaded_bytes_total", "Size of the files that were fetched.", live.downloaded_bytes);
    page.counters("prelo_pages_total", "Pages that were indexed, by where their text is from.", |add| {
        add(&[("source", "text")], number(counts.pages.saturating_sub(counts.ocr_pages)));
        add(&[("source", "ocr")], number(counts.ocr_pages));
    });
    page.gauges("prelo_lane_gazettes", "Gazettes that a lane held when it began.", |add| {
        for lane in [Lane::Digital, Lane::Ocr] {
            add(&[("lane", lane.as_str())], number(counts.lane(lane).selected));
        }
    });
    page.counters("prelo_lane_gazettes_done_total", "Gazettes that a lane is done with.", |add| {
        for lane in [Lane::Digital, Lane::Ocr] {
            add(&[("lane", lane.as_str())], number(counts.lane(lane).gazettes));
        }
    });
    let gauges: [(&str, &str, OfStage); 2] = [
        ("prelo_in_flight_gazettes", "Gazettes that a stage works on.", |stage| stage.working),
        ("prelo_queue_gazettes", "Gazettes that wait for a stage.", |stage| stage.waiting),
    ];
    for (name, help, value) in gauges {
        page.gauges(name, help, |add| {
            for stage in Stage::ALL {
                add(&[("stage", stage.as_str())], number(live.stages.get(&stage).map_or(0, value)));
            }
        });
    }
    let labels: Vec<[(&str, &str); 1]> = live.stages.keys().map(|stage| [("stage", stage.as_str())]).collect();
    page.histograms(
        "prelo_stage_duration_seconds",
        "How long a stage took, by stage: for a gazette, and for a bulk in the stage index.",
        SECONDS,
        labels.iter().zip(live.stages.values()).map(|(labels, stage)| (labels.as_slice(), &stage.seconds)),
    );
}

fn machine(page: &mut Page, live: &Live) {
    let memory = &live.memory;
    for (name, help, bytes) in [
        ("prelo_memory_bytes", "Resident memory of prelo and of all processes below it.", memory.resident_bytes),
        ("prelo_memory_held_bytes", "Of that, what no file stands behind.", memory.held_bytes),
        ("prelo_memory_peak_bytes", "The most that was resident in this run.", memory.peak_bytes),
        ("prelo_memory_limit_bytes", "The bound that was set (memory_budget_mb).", memory.bound_bytes),
        ("prelo_process_memory_bytes", "Resident memory of prelo alone.", memory.own_bytes),
    ] {
        page.gauge(name, help, number(bytes));
    }
    page.gauges("prelo_child_memory_bytes", "Resident memory of each process below prelo, by slot.", |add| {
        for (slot, bytes) in memory.children_bytes.iter().enumerate() {
            add(&[("slot", &slot.to_string())], number(*bytes));
        }
    });
    page.gauge("prelo_readers", "Documents that may be read at once.", f64::from(live.readers));
    let pools = [("texts", live.permits.texts), ("spool", live.permits.spool)];
    page.gauges("prelo_permit_bytes", "Bytes that are taken of memory for texts, and of the spool.", |add| {
        for (pool, permit) in pools {
            add(&[("pool", pool)], number(permit.taken_bytes));
        }
    });
    page.gauges("prelo_permit_limit_bytes", "Bytes that may be taken of each.", |add| {
        for (pool, permit) in pools {
            add(&[("pool", pool)], number(permit.limit_bytes));
        }
    });
}

fn services(page: &mut Page, live: &Live) {
    page.counters("prelo_retries_total", "Calls that were made again, by what they were to do.", |add| {
        let mut all: BTreeMap<&str, u64> = OPERATIONS.map(|operation| (operation, 0)).into();
        all.extend(live.retries.iter().map(|(operation, retries)| (operation.as_str(), *retries)));
        for (operation, retries) in all {
            add(&[("operation", operation)], number(retries));
        }
    });
    page.gauges("prelo_breaker_state", "1 for the state in which the breaker of a service is.", |add| {
        for (service, breaker) in &live.breakers {
            for state in BreakerState::ALL {
                let is = f64::from(u8::from(breaker.state == state));
                add(&[("service", service), ("state", state.as_str())], is);
            }
        }
    });
    page.counters("prelo_breaker_openings_total", "How often a service was taken to be down.", |add| {
        for (service, breaker) in &live.breakers {
            add(&[("service", service)], number(breaker.openings));
        }
    });
    let bulks = &live.bulks;
    page.histograms(
        "prelo_bulk_documents",
        "Documents of a bulk of the index.",
        DOCUMENTS,
        [(&[] as &[(&str, &str)], &bulks.documents)],
    );
    page.counters("prelo_bulk_items_total", "Documents of bulks, by what the index answered.", |add| {
        for (result, items) in
            [("acknowledged", bulks.acknowledged), ("rejected", bulks.rejected), ("resent", bulks.resent)]
        {
            add(&[("result", result)], number(items));
        }
    });
    page.counter("prelo_bulk_splits_total", "Bulks that were sent in halves.", bulks.split);
    page.gauges("prelo_catalog_connections", "Connections to the catalogue's database.", |add| {
        add(&[("state", "used")], f64::from(live.connections.used));
        add(&[("state", "idle")], f64::from(live.connections.idle));
    });
    let limit = f64::from(live.connections.limit);
    page.gauge("prelo_catalog_connections_limit", "Connections that there may be.", limit);
}

fn waiting(page: &mut Page, backlog: &Backlog) {
    page.gauges(
        "prelo_backlog_gazettes",
        "Gazettes of the catalogue by state, as far as there is more to do.",
        |add| {
            for (state, gazettes) in [
                ("pending", backlog.pending),
                ("in_work", backlog.in_work),
                ("retry_waiting", backlog.retry_waiting),
                ("scan_waiting", backlog.scans),
            ] {
                add(&[("state", state)], number(gazettes));
            }
        },
    );
    page.gauge("prelo_processed_gazettes", "Gazettes of the catalogue that are processed.", number(backlog.processed));
    page.gauge("prelo_backlog_scanned_pages", "Pages that wait for OCR.", number(backlog.scanned_pages));
    page.gauges("prelo_failed_gazettes", "Gazettes of the catalogue that are set aside, by code.", |add| {
        for code in FailureCode::ALL {
            let failed = backlog.failed.get(code.as_str()).copied().unwrap_or(0);
            add(&[("code", code.as_str())], number(failed));
        }
    });
    let age = backlog.oldest_pending_seconds.unwrap_or(0.0);
    page.gauge(
        "prelo_oldest_pending_age_seconds",
        "Age of the oldest gazette that is pending, since it was scraped.",
        age,
    );
    page.gauge(
        "prelo_last_success_timestamp_seconds",
        "When the last run ended that did all of its work.",
        backlog.last_success,
    );
    page.gauge(
        "prelo_last_indexed_timestamp_seconds",
        "When the last run was at work that indexed something.",
        backlog.last_indexed,
    );
}

#[cfg(test)]
mod tests {
    use super::super::{Breaker, Connections, MemoryUse, Permit};
    use super::*;

    #[test]
    fn names_and_labels_are_bounded_and_texts_are_escaped() {
        let mut live = Live::default();
        live.retries.insert("say \"no\"\\\n".into(), 2);
        live.stages.insert(Stage::Ocr, StageUse::default());
        let backlog = Backlog { last_success: Some(1.5e9), ..Backlog::default() };
        let dependencies = [("storage", false)];
        let exposed = Exposed {
            live: Some(&live),
            is_active: true,
            backlog: Some(&backlog),
            dependencies: &dependencies,
            dropped_spans: Some(1),
            began: Some(1.6e9),
        };
        let text = exposition(&exposed);
        for line in [
            r#"prelo_retries_total{operation="say \"no\"\\\n"} 2"#,
            r#"prelo_retries_total{operation="download a file"} 0"#,
            r#"prelo_documents_total{outcome="failed",code="NOT_FOUND"} 0"#,
            r#"prelo_stage_duration_seconds_bucket{stage="ocr",le="+Inf"} 0"#,
            r#"prelo_dependency_up{service="storage"} 0"#,
            "prelo_last_success_timestamp_seconds 1500000000",
            "prelo_run_active 1",
            "prelo_run_start_timestamp_seconds 1600000000",
            "# TYPE prelo_bulk_documents histogram",
        ] {
            assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
        }
        assert!(!text.contains("prelo_last_indexed"), "what is not known is not told");
        assert!(!exposition(&Exposed::default()).contains("prelo_memory"));
    }

    #[test]
    fn a_run_that_is_over_holds_nothing() {
        let mut live = Live { in_flight: 3, readers: 2, ..Live::default() };
        live.counts.indexed = 7;
        live.stages.insert(Stage::Extract, StageUse { working: 2, waiting: 1, ..StageUse::default() });
        live.memory = MemoryUse {
            resident_bytes: 5,
            held_bytes: 5,
            own_bytes: 5,
            peak_bytes: 9,
            bound_bytes: 10,
            children_bytes: vec![1],
            over_time: vec![(0, 5)],
        };
        live.permits.texts = Permit { taken_bytes: 6, limit_bytes: 8 };
        live.connections = Connections { used: 1, idle: 1, limit: 4 };
        live.breakers.insert("index".into(), Breaker { state: BreakerState::Open, ..Breaker::default() });
        let text = |is_active| exposition(&Exposed { live: Some(&live), is_active, ..Exposed::default() });
        let (during, after) = (text(true), text(false));
        for (name, then, now) in [
            ("prelo_run_active", "1", "0"),
            (r#"prelo_in_flight_gazettes{stage="extract"}"#, "2", "0"),
            (r#"prelo_queue_gazettes{stage="extract"}"#, "1", "0"),
            ("prelo_memory_bytes", "5", "0"),
            ("prelo_memory_held_bytes", "5", "0"),
            ("prelo_process_memory_bytes", "5", "0"),
            (r#"prelo_child_memory_bytes{slot="0"}"#, "1", "0"),
            ("prelo_readers", "2", "0"),
            (r#"prelo_permit_bytes{pool="texts"}"#, "6", "0"),
            (r#"prelo_catalog_connections{state="used"}"#, "1", "0"),
            // What it did, and what holds for the next one, stays.
            (r#"prelo_documents_total{outcome="indexed",code="none"}"#, "7", "7"),
            ("prelo_memory_peak_bytes", "9", "9"),
            ("prelo_memory_limit_bytes", "10", "10"),
            (r#"prelo_permit_limit_bytes{pool="texts"}"#, "8", "8"),
            (r#"prelo_breaker_state{service="index",state="open"}"#, "1", "1"),
        ] {
            let has = |text: &str, value: &str| text.lines().any(|line| line == format!("{name} {value}"));
            assert!(has(&during, then) && has(&after, now), "{name}: {then}, then {now}\n{after}");
        }
    }
}
