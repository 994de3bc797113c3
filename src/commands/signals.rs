//! SIGTERM and ^C: the first drains, the second ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::shutdown::{Shutdown, StopReason};
use crate::telemetry::{Event, Telemetry};

/// Listens from now on, as long as the runtime lives.
///
/// # Errors
/// When the process may not handle signals.
pub fn listen(shutdown: Shutdown, telemetry: Telemetry) -> std::io::Result<()> {
    let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
    let (interrupts, terminates) = (signal(interrupt)?, signal(terminate)?);
    tokio::spawn(heed(interrupts, interrupt.as_raw_value(), shutdown.clone(), telemetry.clone()));
    tokio::spawn(heed(terminates, terminate.as_raw_value(), shutdown, telemetry));
    Ok(())
}

async fn heed(mut signals: Signal, number: i32, shutdown: Shutdown, telemetry: Telemetry) {
    while signals.recv().await.is_some() {
        let reason = StopReason::Signal(number);
        if shutdown.is_running() {
            telemetry.emit(&Event::Draining { reason: &reason });
            shutdown.drain(reason);
        } else {
            shutdown.now(reason);
        }
    }
}
