//! SIGHUP: settings are read anew from the file and the file of variables, and those that can change do.

use std::sync::Arc;

use crate::config::{Config, Difference, LiveConfig, Loaded, load};
use crate::pipeline::Dependencies;
use crate::telemetry::{Event, Telemetry, set_level, with_causes};
use crate::words::in_language;

/// Reads settings anew, for a run that is at work.
pub(super) struct Reloader {
    /// As they were read last.
    last: Loaded,
    live: Arc<LiveConfig>,
    dependencies: Dependencies,
    telemetry: Telemetry,
}

impl Reloader {
    #[must_use]
    pub fn new(last: Loaded, live: Arc<LiveConfig>, dependencies: Dependencies, telemetry: Telemetry) -> Self {
        Self { last, live, dependencies, telemetry }
    }

    /// Says in the log, which is English always, what changed and what waits for the next run. Settings that are wrong change
    /// nothing.
    pub fn reload(&mut self) {
        in_language(false, || self.take_in());
    }

    fn take_in(&mut self) {
        let loaded = match load(&self.last.sources.looked_up()) {
            Ok(loaded) => loaded,
            Err(error) => return self.telemetry.emit(&Event::SettingsRefused { error: &with_causes(&error) }),
        };
        let differences = self.last.differences(&loaded);
        if !self.live.change(&loaded.config) {
            let error = "they were changed very often already; this process takes in no more";
            return self.telemetry.emit(&Event::SettingsRefused { error });
        }
        self.dependencies.bound(&self.live);
        let mut waiting = 0;
        for Difference { key, from, to } in &differences {
            if let Some(why) = self.waits_for(key, &loaded.config) {
                waiting += 1;
                self.telemetry.emit(&Event::SettingWaits { key, from, to, why });
            } else {
                self.telemetry.emit(&Event::SettingChanged { key, from, to });
            }
        }
        set_level(super::log_level(&loaded));
        self.telemetry.emit(&Event::SettingsReloaded { changed: differences.len() - waiting, waiting });
        self.last = loaded;
    }

    /// Why a setting holds only from the next run on.
    fn waits_for(&self, key: &str, config: &Config) -> Option<&'static str> {
        if !LiveConfig::CHANGEABLE.contains(&key) {
            return Some("it is built into the run; it holds from the next one on");
        }
        (key == "extraction_threads" && config.extraction_threads > self.live.memory_plan().readers).then_some(
            "the memory was divided among fewer readers at the start; as many as then read now, more from the next run on",
        )
    }
}
