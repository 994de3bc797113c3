//! Keeps the run's lease alive, and ends the run when it is lost. Beside it, what is to be seen of the run is written down
//! for those who watch it from elsewhere.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::dependency::{self, Service, Testifies as _};
use super::{Context, retrying};
use crate::catalog::CatalogError;
use crate::shutdown::StopReason;
use crate::telemetry::with_causes;

/// What is seen of a run is at most so old, while something happens.
const SHOWN_EVERY: Duration = Duration::from_secs(2);
/// And so old, when nothing does.
const SHOWN_AT_LEAST_EVERY: u32 = 5;
/// Nobody waits longer for a database that is to be told only this.
const PATIENCE: Duration = Duration::from_secs(5);

/// Beats three times in a lease until it is aborted.
pub(super) async fn beat(context: Context) {
    let lease = context.lease();
    let mut ticks = tokio::time::interval(lease / 3);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let policy = context.retry_policy(context.config.catalog_attempts);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let counts = context.telemetry.counts();
        // However late: as long as nobody else has taken the lease over, it is ours.
        let beat = retrying(&context, &policy, "extend the lease", || {
            context.catalog.heartbeat(context.run(), lease, &counts)
        });
        let reason = match tokio::time::timeout(lease * 2 / 3, beat).await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => StopReason::LeaseLost,
            Ok(Err(error)) => dependency::of_catalog(&error),
            // Silence: its patience runs from here, if it does not yet.
            Err(_) => {
                let error = CatalogError::late("extend the lease", lease * 2 / 3);
                if context.dependencies.gate(Service::Catalog).trip(&context, &error) {
                    continue;
                }
                StopReason::DependencyDown(with_causes(&error))
            }
        };
        context.stop(reason.clone());
        if reason == StopReason::LeaseLost {
            context.shutdown.now(reason);
        }
        return;
    }
}

/// Writes down what is to be seen of the run until it is aborted.
pub(super) async fn show(context: Context) {
    let mut ticks = tokio::time::interval(SHOWN_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut shown, mut quiet) = (None, 0);
    loop {
        ticks.tick().await;
        let version = context.telemetry.version();
        quiet += 1;
        if shown == Some(version) && quiet < SHOWN_AT_LEAST_EVERY {
            continue;
        }
        show_once(&context).await;
        (shown, quiet) = (Some(version), 0);
    }
}

/// Once, without insisting: who watches sees the next one, and the run goes on without being seen.
pub(super) async fn show_once(context: &Context) {
    let live = context.telemetry.live();
    let shown = context.catalog.show_run(context.run(), &live);
    drop(tokio::time::timeout(PATIENCE, shown).await);
}
