//! SIGTERM and ^C: the first drains, the second ends at once. SIGHUP has the settings read anew.

use std::io::{self, IsTerminal as _};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::reload::Reloader;
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

/// Reads settings anew at each SIGHUP from now on. When the terminal is gone, the same signal means that nobody is there any
/// more, and is heeded as SIGTERM is.
///
/// # Errors
/// When the process may not handle signals.
pub fn reload(mut reloader: Reloader, shutdown: Shutdown, telemetry: Telemetry) -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    let had_terminal = io::stderr().is_terminal();
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            if had_terminal && !io::stderr().is_terminal() {
                let reason = StopReason::Signal(SignalKind::terminate().as_raw_value());
                telemetry.emit(&Event::Draining { reason: &reason });
                shutdown.drain(reason);
            } else {
                reloader.reload();
            }
        }
    });
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
