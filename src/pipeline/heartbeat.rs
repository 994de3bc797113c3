//! Keeps the run's lease alive, and ends the run when it is lost.

use tokio::time::MissedTickBehavior;

use super::{Context, dependency, retrying};
use crate::shutdown::StopReason;

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
        let beat = retrying(&context, &policy, "extend the lease", || {
            context.catalog.heartbeat(context.run(), lease, &counts)
        });
        // A third of the lease is gone: an answer that comes after the rest is worth nothing.
        let reason = match tokio::time::timeout(lease * 2 / 3, beat).await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => StopReason::LeaseLost,
            Ok(Err(error)) => dependency::of_catalog(&error),
            Err(_) => StopReason::DependencyDown("the catalogue did not extend the lease in time".into()),
        };
        context.stop(reason.clone());
        if reason == StopReason::LeaseLost {
            context.shutdown.now(reason);
        }
        return;
    }
}
