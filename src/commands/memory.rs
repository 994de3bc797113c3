//! What the bounds on memory and spool mean for a run, in words and numbers.

use serde::Serialize;

use super::output;
use crate::config::Config;
use crate::telemetry;
use crate::words::{number, t, told};

const MIB: u64 = 1024 * 1024;

/// What fits at once.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Bound on the whole process tree.
    pub budget_bytes: u64,
    /// Gazettes that are read at once.
    pub readers: u32,
    /// Heap that reading one of them may take.
    pub reader_bytes: u64,
    /// For texts on their way to the index.
    pub texts_bytes: u64,
    /// Files in the spool at once.
    pub spool_bytes: u64,
    /// A larger file is not read.
    pub largest_file_bytes: u64,
}

impl Room {
    pub fn of(config: &Config) -> Self {
        let plan = config.memory_plan();
        Self {
            budget_bytes: plan.total_bytes,
            readers: plan.readers,
            reader_bytes: plan.reader_bytes,
            texts_bytes: plan.texts_bytes,
            spool_bytes: config.spool_budget_mb * MIB,
            largest_file_bytes: config.max_file_size_mb * MIB,
        }
    }

    /// One sentence.
    ///
    /// # Errors
    /// When it is less than reading takes.
    pub fn checked(&self) -> anyhow::Result<String> {
        let (given, least) = (mib(self.budget_bytes), mib(LEAST_MB * MIB));
        if self.budget_bytes < LEAST_MB * MIB {
            let words = "the container allows {given}, and reading gazettes takes {least}: raise the container's limit";
            anyhow::bail!(told(words, &[("given", &given), ("least", &least)]));
        }
        Ok(self.sentence())
    }

    /// The same, whether it is enough or not.
    pub fn sentence(&self) -> String {
        let readers = match self.readers {
            1 => t("one gazette is read at a time").to_owned(),
            readers => told("{n} gazettes are read at once", &[("n", &number(u64::from(readers)))]),
        };
        told(
            "{readers}, each with up to {heap} of heap; {texts} for texts on their way; {spool} of files in the spool; no \
             file above {largest}",
            &[
                ("readers", &readers),
                ("heap", &mib(self.reader_bytes)),
                ("texts", &mib(self.texts_bytes)),
                ("spool", &mib(self.spool_bytes)),
                ("largest", &mib(self.largest_file_bytes)),
            ],
        )
    }
}

/// As bounds are configured: in MiB.
pub fn mib(bytes: u64) -> String {
    format!("{} MiB", number(bytes / MIB))
}

/// The least `memory_budget_mb`.
pub const LEAST_MB: u64 = 128;

/// Takes the container's bound on memory where that is lower than what was configured, and says so where `is_told`.
pub fn respect_container(config: &mut Config, is_told: bool) {
    if let Some(warning) = lowered(config, telemetry::memory_limit()).filter(|_| is_told) {
        output::warning(&warning);
    }
}

fn lowered(config: &mut Config, limit_bytes: Option<u64>) -> Option<String> {
    let limit_mb = limit_bytes? / MIB;
    let configured_mb = config.memory_budget_mb;
    if limit_mb >= configured_mb {
        return None;
    }
    config.memory_budget_mb = limit_mb;
    if limit_mb < LEAST_MB {
        return Some(format!(
            "the container allows {limit_mb} MiB of memory, and reading gazettes takes {LEAST_MB}: the kernel may end a run; \
             raise the container's limit"
        ));
    }
    Some(format!(
        "the container allows {limit_mb} MiB of memory, less than the {configured_mb} MiB of memory_budget_mb: \
         {limit_mb} MiB it is; lower memory_budget_mb or raise the container's limit to be rid of this warning"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    #[test]
    fn the_lower_bound_holds_and_is_said() {
        for (limit, expected, said) in [
            (None, 512, false),
            (Some(1024 * MIB), 512, false),
            (Some(512 * MIB), 512, false),
            (Some(300 * MIB), 300, true),
            (Some(64 * MIB), 64, true),
        ] {
            let mut config = load(&Sources::default()).unwrap().config;
            let warning = lowered(&mut config, limit);
            assert_eq!((config.memory_budget_mb, warning.is_some()), (expected, said), "{limit:?}");
            let is_too_little = warning.is_some_and(|warning| warning.contains("may end a run"));
            assert_eq!(is_too_little, expected < LEAST_MB, "{limit:?}");
        }
    }

    #[test]
    fn the_sentence_says_how_many_and_how_large() {
        let mut config = load(&Sources::default()).unwrap().config;
        (config.memory_budget_mb, config.extraction_threads) = (128, 8);
        let sentence = Room::of(&config).sentence();
        assert!(sentence.starts_with("one gazette is read at a time"), "{sentence}");
        assert!(sentence.contains("500 MiB"), "{sentence}");
        assert_eq!(Room::of(&config).checked().unwrap(), sentence);
        config.memory_budget_mb = 100;
        let why = Room::of(&config).checked().unwrap_err().to_string();
        assert!(why.starts_with("the container allows 100 MiB, and reading gazettes takes 128 MiB"), "{why}");
    }
}
