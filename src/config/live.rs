//! A configuration that changes while it is used.

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::Config;

/// Changes that one process can take in.
const MOST: usize = 256;

/// Reads as the [`Config`] that holds at this moment. Every version stays as long as the process does (a kilobyte each), so
/// that whoever is reading one reads on.
#[derive(Debug)]
pub struct LiveConfig {
    first: Config,
    later: Box<[OnceLock<Box<Config>>]>,
    /// 0 is the first.
    current: AtomicUsize,
    reading_at_once: AtomicU32,
}

impl From<Config> for LiveConfig {
    fn from(first: Config) -> Self {
        let later = std::iter::repeat_with(OnceLock::new).take(MOST).collect();
        Self { first, later, current: AtomicUsize::new(0), reading_at_once: AtomicU32::new(u32::MAX) }
    }
}

impl Deref for LiveConfig {
    type Target = Config;

    fn deref(&self) -> &Config {
        let current = self.current.load(Ordering::Acquire);
        let later = current.checked_sub(1).and_then(|index| self.later.get(index)?.get());
        later.map_or(&self.first, Box::as_ref)
    }
}

/// Defines which settings can change in a run, by the fields of [`Config`] that are read whenever they are needed.
macro_rules! changeable {
    ($($field:ident),+ $(,)?) => {
        impl LiveConfig {
            /// Settings that can change in a run; `extraction_threads` as far as [`LiveConfig::reading_at_once`] says.
            pub const CHANGEABLE: &'static [&'static str] = &["extraction_threads", $(stringify!($field)),+];

            fn changed(&self, to: &Config) -> Config {
                let Config { $($field,)+ .. } = to.clone();
                Config { $($field,)+ ..(**self).clone() }
            }
        }
    };
}

changeable!(
    max_file_size_mb,
    download_concurrency,
    download_attempts,
    download_stall_timeout_seconds,
    download_timeout_seconds,
    bulk_concurrency,
    bulk_attempts,
    gazette_timeout_seconds,
    retry_failed_after_seconds,
    retry_failed_max_seconds,
    failed_attempts,
    quarantine_after_starts,
    catalog_attempts,
    grace_seconds,
    log_level,
);

impl LiveConfig {
    /// Documents that may be read at once: what the memory was divided for at the start, or fewer if fewer were asked for
    /// since. The division itself stays, because readers that were started have been given their share.
    #[must_use]
    pub fn reading_at_once(&self) -> u32 {
        self.memory_plan().readers.min(self.reading_at_once.load(Ordering::Relaxed))
    }

    /// Takes in what can change. For one caller at a time. Answers whether there was room for one version more.
    pub fn change(&self, to: &Config) -> bool {
        let version = Box::new(self.changed(to));
        let current = self.current.load(Ordering::Acquire);
        let is_kept = self.later.get(current).is_some_and(|place| place.set(version).is_ok());
        if is_kept {
            self.current.store(current + 1, Ordering::Release);
            self.reading_at_once.store(to.extraction_threads, Ordering::Relaxed);
        }
        is_kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sources, load};
    use super::*;

    fn config() -> Config {
        let mut config = load(&Sources::default()).unwrap().config;
        (config.memory_budget_mb, config.extraction_threads) = (512, 4);
        config
    }

    #[test]
    fn what_can_change_changes_and_all_else_stays() {
        let live = LiveConfig::from(config());
        let before = &*live;
        let to =
            Config { download_concurrency: 9, page_size: 7, memory_budget_mb: 128, extraction_threads: 2, ..config() };
        assert!(live.change(&to));
        assert_eq!((live.download_concurrency, live.page_size, live.memory_budget_mb), (9, 1000, 512));
        assert_eq!((live.extraction_threads, live.reading_at_once()), (4, 2));
        assert_eq!(before.download_concurrency, 3, "who read the older one reads on");
        assert!(live.change(&Config { extraction_threads: 64, ..config() }));
        assert_eq!((live.download_concurrency, live.reading_at_once()), (3, 4));
    }

    #[test]
    fn its_end_is_said() {
        let live = LiveConfig::from(config());
        assert!((0..MOST).all(|_| live.change(&config())));
        assert!(!live.change(&Config { download_concurrency: 9, ..config() }));
        assert_eq!(live.download_concurrency, 3);
    }

    #[test]
    fn every_changeable_key_is_a_setting() {
        for key in LiveConfig::CHANGEABLE {
            assert!(super::super::settings::find(key).is_some(), "{key}");
        }
    }
}
