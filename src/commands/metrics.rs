//! Metrics and traces of a run, to wherever the configuration says. What is wrong with that is said before the run begins;
//! after that, nothing of it can end the run.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Usage;
use crate::catalog::Catalog;
use crate::config::{Config, Secret};
use crate::pipeline::{Ended, RunError};
use crate::telemetry::{
    Backlog, Collector, Event, Exposed, Listener, Pushgateway, Telemetry, Textfile, TraceOfRun, exposition,
    loopback_unless_said,
};
use crate::words::told;

/// The backlog is counted at the beginning, so often, and at the end: that reads the whole catalogue.
const COUNTED_EVERY: Duration = Duration::from_mins(5);
/// Counting it may take so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was asked for.
pub struct Exports {
    textfile: Option<Textfile>,
    push: Option<Pushgateway>,
    listen: Option<SocketAddr>,
    collector: Option<Collector>,
    every: Duration,
}

impl Exports {
    /// Finds out whether all of it can be done.
    pub fn of(config: &Config) -> Result<Self, Usage> {
        let textfile = config.metrics_textfile.as_deref().map(|path| {
            let file = Textfile::new(path);
            file.probe().map(|()| file).map_err(|error| {
                Usage(told(
                    "--metrics-textfile cannot be written to {file} ({error}): name another",
                    &[("file", &path.display()), ("error", &error)],
                ))
            })
        });
        let push = config.metrics_push.as_ref().map(|url| {
            Pushgateway::new(url.expose()).map_err(|error| {
                Usage(told("--metrics-push is no URL of a Pushgateway ({error})", &[("error", &error)]))
            })
        });
        let listen = config.metrics_listen.as_deref().map(|text| {
            loopback_unless_said(text).ok_or_else(|| {
                Usage(told(
                    "--metrics-listen is `{text}`: it must be a port, or an address with one, such as [::1]:9464",
                    &[("text", &text)],
                ))
            })
        });
        let headers = config.otlp_headers.as_ref().map_or("", Secret::expose);
        let collector = config.otlp_endpoint.as_ref().map(|url| {
            Collector::new(url.expose(), headers)
                .map_err(|error| Usage(told("otlp_endpoint is no URL of a collector ({error})", &[("error", &error)])))
        });
        Ok(Self {
            textfile: textfile.transpose()?,
            push: push.transpose()?,
            listen: listen.transpose()?,
            collector: collector.transpose()?,
            every: Duration::from_secs(config.metrics_interval_seconds),
        })
    }

    /// Exports until [`Exporting::end`].
    pub async fn begin(self, telemetry: &Telemetry, catalog: &Arc<dyn Catalog>) -> Result<Exporting> {
        let trace = self.collector.map(|collector| TraceOfRun::begin(telemetry.run(), collector));
        if let Some(trace) = &trace {
            telemetry.trace(trace.spans());
        }
        let page = Arc::new(PageOfRun {
            telemetry: telemetry.clone(),
            catalog: catalog.clone(),
            backlog: Mutex::default(),
            is_active: AtomicBool::new(true),
        });
        let mut tasks = JoinSet::new();
        let listener = match self.listen {
            Some(address) => {
                let asked = page.clone();
                let listener = Listener::bind(address, move || {
                    let page = asked.clone();
                    async move { page.text() }
                });
                Some(listener.await.map_err(anyhow::Error::new)?)
            }
            None => None,
        };
        let sinks = Arc::new(Sinks { textfile: self.textfile, push: self.push, failing: AtomicBool::new(false) });
        if listener.is_some() || sinks.textfile.is_some() || sinks.push.is_some() {
            let page = page.clone();
            tasks.spawn(async move {
                let mut ticks = tokio::time::interval(COUNTED_EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    page.count().await;
                }
            });
        }
        let (page_of_task, sinks_of_task) = (page.clone(), sinks.clone());
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval(self.every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                // What another run has written stays until this one has the lease.
                if page_of_task.telemetry.live().memory.bound_bytes > 0 {
                    sinks_of_task.take(&page_of_task).await;
                }
            }
        });
        Ok(Exporting { page, sinks, trace, _listener: listener, _tasks: tasks })
    }
}

/// Exports under way.
pub struct Exporting {
    page: Arc<PageOfRun>,
    sinks: Arc<Sinks>,
    trace: Option<TraceOfRun>,
    _listener: Option<Listener>,
    _tasks: JoinSet<()>,
}

impl Exporting {
    /// The last word about the run. A run that found another at work leaves the metrics to that one.
    pub async fn end(self, ended: &Result<Ended, RunError>) {
        if matches!(ended, Ok(Ended::Busy { .. })) {
            return;
        }
        let Self { page, sinks, trace, .. } = self;
        page.is_active.store(false, Ordering::Relaxed);
        if sinks.textfile.is_some() || sinks.push.is_some() {
            page.count().await;
            sinks.take(&page).await;
        }
        if let Some(trace) = trace {
            let (stopped_by, is_error) = match ended {
                Ok(Ended::Ran(report)) => (report.stopped_by.as_deref(), matches!(report.exit_code(), 1 | 4)),
                _ => (Some("could_not_begin"), true),
            };
            if let Err(error) = trace.end(&page.telemetry.counts(), stopped_by, is_error).await {
                page.telemetry.emit(&Event::NotExported { to: "otlp_endpoint", error: &error });
            }
        }
    }
}

/// The metrics of a run.
struct PageOfRun {
    telemetry: Telemetry,
    catalog: Arc<dyn Catalog>,
    backlog: Mutex<Option<Backlog>>,
    is_active: AtomicBool,
}

impl PageOfRun {
    fn text(&self) -> String {
        let live = self.telemetry.live();
        let backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner).clone();
        exposition(&Exposed {
            live: Some(&live),
            is_active: self.is_active.load(Ordering::Relaxed),
            backlog: backlog.as_ref(),
            dropped_spans: self.telemetry.dropped_spans(),
            ..Exposed::default()
        })
    }

    /// Without an answer, what was known before stays.
    async fn count(&self) {
        if let Ok(Ok(backlog)) = tokio::time::timeout(PATIENCE, self.catalog.backlog()).await {
            *self.backlog.lock().unwrap_or_else(PoisonError::into_inner) = Some(backlog);
        }
    }
}

/// What is told without being asked.
struct Sinks {
    textfile: Option<Textfile>,
    push: Option<Pushgateway>,
    /// So that it is said once.
    failing: AtomicBool,
}

impl Sinks {
    async fn take(&self, page: &PageOfRun) {
        let text = page.text();
        let mut failed = None;
        if let Some(Err(error)) = self.textfile.as_ref().map(|file| file.write(&text)) {
            failed = Some(("metrics_textfile", error.to_string()));
        }
        if let Some(push) = &self.push
            && let Err(error) = push.push(text).await
        {
            failed = Some(("metrics_push", error));
        }
        let was_failing = self.failing.swap(failed.is_some(), Ordering::Relaxed);
        if let (Some((to, error)), false) = (failed, was_failing) {
            page.telemetry.emit(&Event::NotExported { to, error: &error });
        }
    }
}
