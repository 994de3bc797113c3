//! Keeps the run's lease alive, and ends the run when it is lost.

use tokio::time::MissedTickBehavior;

use super::dependency::{self, Service, Testifies as _};
use super::{Context, retrying};
use crate::catalog::CatalogError;
use crate::shutdown::StopReason;
use crate::telemetry::with_causes;

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
