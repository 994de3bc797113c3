//! What this machine can bear: settings for low, middle and high load, each with its reason.

use serde::Serialize;

use super::memory::{LEAST_MB, mib};
use super::output;
use crate::budget::MemoryPlan;
use crate::catalog::Status;
use crate::config::PAGE_SIZE;
use crate::telemetry;
use crate::words::{number, t, t_one, told};

const MIB: u64 = 1024 * 1024;
const OWN_MIB: u64 = MemoryPlan::OWN / MIB;
const READER_BASE_MIB: u64 = MemoryPlan::READER_BASE / MIB;
/// Taken for the whole where nothing tells how much memory there is: the default of `memory_budget_mb` fits into it.
const UNKNOWN_MIB: u64 = 1_024;
/// A backlog that takes hours: the catalogue is asked less often.
const LARGE_BACKLOG: u64 = 100_000;

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// As many as this process may use: the container's share is taken into account.
    pub cores: u64,
    /// 0 where the kernel does not tell, as in a unit of systemd that hides `/proc/meminfo`.
    pub memory_bytes: u64,
    /// The container's bound, where there is one.
    pub limit_bytes: Option<u64>,
}

impl Machine {
    pub fn this() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        Self { cores, memory_bytes: telemetry::memory_of_machine(), limit_bytes: telemetry::memory_limit() }
    }

    /// The lower of both bounds, where one is known, in bytes.
    fn bound(self) -> Option<u64> {
        let machine = Some(self.memory_bytes).filter(|bytes| *bytes > 0);
        [self.limit_bytes, machine].into_iter().flatten().min()
    }

    /// What may be planned with, in MiB.
    fn room_mib(self) -> u64 {
        self.bound().map_or(UNKNOWN_MIB, |bytes| bytes / MIB).max(LEAST_MB)
    }

    /// prelo cannot keep to less than it needs.
    fn is_too_small(self) -> bool {
        self.bound().is_some_and(|bytes| bytes / MIB < LEAST_MB)
    }

    /// `within the container's 300 MiB`
    fn within(self) -> String {
        match (self.bound(), self.limit_bytes) {
            (None, _) => t("how much memory there is cannot be seen here").to_owned(),
            (Some(bound), _) if self.is_too_small() => {
                told("the least there is; {size} are too few for it", &[("size", &mib(bound))])
            }
            (Some(bound), Some(limit)) if bound == limit => {
                told("within the container's {size}", &[("size", &mib(limit))])
            }
            (Some(bound), _) => told("within the machine's {size}", &[("size", &mib(bound))]),
        }
    }
}

/// `1 core`, `2 cores`.
fn cores(count: u64) -> String {
    told(if count == 1 { "{n} core" } else { "{n} cores" }, &[("n", &count)])
}

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Work {
    /// `None` before prelo's tables are there.
    pub pending: Option<u64>,
    pub scanned_pages: u64,
    /// Files come over a network, and texts go over one.
    pub is_remote: bool,
    /// The catalogue is a server that connections are kept to.
    pub has_pool: bool,
}

impl Work {
    pub fn of(status: Option<&Status>, is_remote: bool, has_pool: bool) -> Self {
        let pending = status.map(|status| status.pending);
        let scanned_pages = status.map_or(0, |status| status.scans.pages);
        Self { pending, scanned_pages, is_remote, has_pool }
    }
}

/// Settings for one load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// `low`, `middle`, `high`.
    pub load: &'static str,
    pub lines: Vec<Line>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub key: &'static str,
    pub value: u64,
    pub why: String,
}

/// Settings for a machine that has other things to do, for one that does this beside little else, and for one that is
/// there for it.
pub fn propose(machine: Machine, work: Work) -> Vec<Proposal> {
    let loads = [
        ("low", 1, 4, 48, "the others of this machine keep their cores"),
        ("middle", (machine.cores * 3 / 4).max(1), 2, 80, "a core in four is left to others"),
        ("high", machine.cores, 1, 128, "every core reads"),
    ];
    loads
        .into_iter()
        .map(|(load, threads, part, heap, why)| of_load(machine, work, load, threads, part, heap, why))
        .collect()
}

fn of_load(
    machine: Machine,
    work: Work,
    load: &'static str,
    threads: u64,
    part: u64,
    heap_mib: u64,
    why_threads: &'static str,
) -> Proposal {
    // A picture of a page and the engine that reads it take about 100 MiB.
    let heap_mib = if work.scanned_pages > 0 { heap_mib.max(100) } else { heap_mib };
    let room = machine.room_mib();
    let most = (room * 4 / 5 / part).max(LEAST_MB);
    // Two thirds of what is beyond prelo's own are for readers.
    let wanted = OWN_MIB + threads * (READER_BASE_MIB + heap_mib) * 3 / 2;
    let budget = wanted.next_multiple_of(16).min(most / 16 * 16).max(LEAST_MB);
    let fit = (budget.saturating_sub(OWN_MIB) * 2 / 3 / (READER_BASE_MIB + heap_mib)).clamp(1, threads);
    let downloads = if work.is_remote { (fit * 2).clamp(2, 16) } else { fit.clamp(1, 4) };
    let threads_that_fit = u32::try_from(fit).unwrap_or(u32::MAX);
    let plan = MemoryPlan::divide(budget * MIB, threads_that_fit);
    let texts_mib = plan.texts_bytes / MIB;
    // A text is there three times; several bulks must fit.
    let bulk_mib = (texts_mib / 12).clamp(1, 16);
    let documents = if load == "low" { 50 } else { 100 };
    let bulks = if load == "high" && work.is_remote { 3 } else { 1 + u64::from(load != "low") };
    let whose = if work.scanned_pages > 0 {
        told(
            " ({n} pages wait for OCR, and a picture of a page takes about 100 MiB)",
            &[("n", &number(work.scanned_pages))],
        )
    } else {
        String::new()
    };
    let of_cores = if fit < threads {
        told("memory is enough for {fit}, of {n} cores", &[("fit", &fit), ("n", &machine.cores)])
    } else if machine.cores == 1 {
        t("there is one core").to_owned()
    } else {
        format!("{} ({})", t(why_threads), cores(machine.cores))
    };
    let line = |key, value, why: String| Line { key, value, why };
    let mut lines = vec![
        line("extraction_threads", fit, of_cores),
        line(
            "memory_budget_mb",
            budget,
            told(
                "{heap} MiB of heap for each reader{whose}, {within}",
                &[("heap", &(plan.reader_bytes / MIB)), ("whose", &whose), ("within", &machine.within())],
            ),
        ),
        line(
            "download_concurrency",
            downloads,
            t(if work.is_remote {
                "two on their way for each that is read"
            } else {
                "files of this machine are there at once"
            })
            .into(),
        ),
        line("bulk_documents", documents, t("gazettes of a bulk; more of them wait for one another").into()),
        line(
            "bulk_size_mb",
            bulk_mib,
            told("a twelfth of the {size} MiB for texts, each of which is there three times", &[("size", &texts_mib)]),
        ),
        line("bulk_concurrency", bulks, t("bulks that the search engine works at").into()),
        page_of(work.pending.unwrap_or_default()),
    ];
    if work.has_pool {
        // One lists pages, one renews the lease, one tells how far the run is.
        let why = "one for each bulk and each that is read, and three for the run itself";
        lines.push(line("postgres_max_connections", (fit + bulks + 3).min(20), t(why).into()));
    }
    Proposal { load, lines }
}

fn page_of(pending: u64) -> Line {
    let (value, why) = if pending >= LARGE_BACKLOG {
        (PAGE_SIZE * 5, "rows of a page; with such a backlog the catalogue is asked less often")
    } else {
        (PAGE_SIZE, "rows of a page; that is plenty for this backlog")
    };
    Line { key: "page_size", value, why: t(why).into() }
}

fn of_the(load: &str) -> &'static str {
    match load {
        "low" => "low load",
        "middle" => "middle load",
        _ => "high load",
    }
}

/// Lines for `prelo.toml`; the proposals of the loads one has not are comments.
pub fn toml(machine: Machine, work: Work, proposals: &[Proposal], width: usize) -> String {
    let limit = machine.limit_bytes.map_or_else(|| t_one("none").to_owned(), mib);
    let unknown = || t("unknown").to_owned();
    let memory = if machine.memory_bytes == 0 { unknown() } else { mib(machine.memory_bytes) };
    let about_machine = told(
        "# this machine: {cores}, memory {memory}, container's bound {limit}",
        &[("cores", &cores(machine.cores)), ("memory", &memory), ("limit", &limit)],
    );
    let to_do = match work.pending {
        Some(pending) => told(
            "# to do: {pending} pending, {pages} pages for OCR",
            &[("pending", &number(pending)), ("pages", &number(work.scanned_pages))],
        ),
        None => t("# to do: not known before `prelo migrate` or the first run").to_owned(),
    };
    let too_small = machine.is_too_small().then(|| {
        let words = "# too small: reading gazettes takes {least} MiB; with less the kernel may end a run";
        told(words, &[("least", &LEAST_MB)])
    });
    let comments = [Some(about_machine), Some(to_do), too_small].into_iter().flatten();
    let mut text: String = comments.map(|line| output::comment(width, line.trim_start_matches("# "))).collect();
    for Proposal { load, lines } in proposals {
        text.push_str(&format!("\n# {}\n", t(of_the(load))));
        for Line { key, value, why } in lines {
            let setting = format!("{key} = {value}");
            let line = format!("{setting:<28} # {why}\n");
            // A comment that goes on by itself in the next line is none there.
            let fits = line.chars().count() <= width;
            text.push_str(&if fits { line } else { format!("{}{setting}\n", output::comment(width, why)) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(proposal: &Proposal, key: &str) -> u64 {
        proposal.lines.iter().find(|line| line.key == key).unwrap().value
    }

    #[test]
    fn the_machine_and_its_container_are_kept_to() {
        let gib = 1024 * MIB;
        for (cores, memory, limit, scans) in [
            (1, gib / 2, None, 0),
            (2, 4 * gib, Some(300 * MIB), 0),
            (2, 4 * gib, None, 1_000),
            (8, 16 * gib, None, 0),
            (64, 8 * gib, Some(gib), 1_000_000),
        ] {
            let machine = Machine { cores, memory_bytes: memory, limit_bytes: limit };
            let work = Work { scanned_pages: scans, is_remote: true, ..Work::default() };
            let proposals = propose(machine, work);
            assert_eq!(proposals.iter().map(|proposal| proposal.load).collect::<Vec<_>>(), ["low", "middle", "high"]);
            for proposal in &proposals {
                let threads = value(proposal, "extraction_threads");
                let budget = value(proposal, "memory_budget_mb");
                assert!((1..=cores).contains(&threads), "{proposal:?}");
                assert!(budget >= 128 && (budget * MIB <= limit.unwrap_or(memory)), "{proposal:?}");
                assert!(proposal.lines.iter().all(|line| !line.why.is_empty()));
            }
            assert!(value(&proposals[0], "extraction_threads") <= value(&proposals[2], "extraction_threads"));
            if limit.is_none() && memory > gib {
                assert_eq!(value(&proposals[2], "extraction_threads"), cores, "memory is enough for all");
            }
            assert!(value(&proposals[0], "memory_budget_mb") <= value(&proposals[2], "memory_budget_mb"));
        }
    }

    #[test]
    fn each_reason_is_true() {
        let of = |cores, memory_mib: u64, limit_mib: Option<u64>| {
            let (memory_bytes, limit_bytes) = (memory_mib * MIB, limit_mib.map(|limit| limit * MIB));
            let machine = Machine { cores, memory_bytes, limit_bytes };
            (machine, propose(machine, Work::default()))
        };
        let why = |proposal: &Proposal, key| {
            proposal.lines.iter().find(|line| line.key == key).map(|line| line.why.clone()).unwrap()
        };
        let (_, proposals) = of(2, 24_000, Some(300));
        for proposal in &proposals {
            let threads = u32::try_from(value(proposal, "extraction_threads")).unwrap();
            let heap = MemoryPlan::divide(value(proposal, "memory_budget_mb") * MIB, threads).reader_bytes / MIB;
            let expected = format!("{heap} MiB of heap for each reader, within the container's 300 MiB");
            assert_eq!(why(proposal, "memory_budget_mb"), expected);
        }
        let (_, alone) = of(1, 4_096, None);
        assert!(alone.iter().all(|proposal| why(proposal, "extraction_threads") == "there is one core"), "{alone:?}");

        let (machine, small) = of(2, 24_000, Some(100));
        assert!(
            why(&small[0], "memory_budget_mb").ends_with("the least there is; 100 MiB are too few for it"),
            "{small:?}"
        );
        let text = toml(machine, Work::default(), &small, usize::MAX);
        assert!(text.contains("# too small: reading gazettes takes 128 MiB"), "{text}");
        assert!(text.contains("# to do: not known before"), "no tables, no backlog: {text}");

        let (machine, unseen) = of(2, 0, None);
        assert!(why(&unseen[2], "memory_budget_mb").ends_with("how much memory there is cannot be seen here"));
        assert_eq!(value(&unseen[2], "memory_budget_mb"), 512);
        let work = Work { pending: Some(7), ..Work::default() };
        let text = toml(machine, work, &unseen, usize::MAX);
        assert!(text.contains("2 cores, memory unknown") && text.contains("# to do: 7 pending, 0 pages"), "{text}");
    }

    #[test]
    fn each_proposal_can_be_pasted() {
        let machine = Machine { cores: 4, memory_bytes: 8192 * MIB, limit_bytes: None };
        let proposals = propose(machine, Work::default());
        for width in [usize::MAX, 40] {
            let text = toml(machine, Work::default(), &proposals, width);
            for part in text.split("load\n").skip(1) {
                let lines: Vec<&str> = part.lines().take_while(|line| !line.is_empty()).collect();
                let read: toml::Table = toml::from_str(&lines.join("\n")).unwrap();
                assert_eq!(read.len(), 7, "{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        }
    }

    #[test]
    fn the_backlog_and_the_catalogue_are_taken_into_account() {
        let machine = Machine { cores: 8, memory_bytes: 16_384 * MIB, limit_bytes: None };
        let of = |pending, has_pool| {
            propose(machine, Work { pending: Some(pending), has_pool, is_remote: true, ..Work::default() })
        };
        let (small, large) = (of(500, false), of(2_000_000, true));
        assert!(small.iter().all(|load| load.lines.iter().all(|line| line.key != "postgres_max_connections")));
        for (few, many) in small.iter().zip(&large) {
            assert!(value(few, "page_size") < value(many, "page_size"));
            let connections = value(many, "postgres_max_connections");
            assert!(connections > value(many, "extraction_threads") + value(many, "bulk_concurrency"), "{many:?}");
        }
        let least = MemoryPlan::divide(128 * MIB, 1);
        let floor = propose(Machine { cores: 1, memory_bytes: 128 * MIB, limit_bytes: None }, Work::default());
        let said = format!("{} MiB for texts", least.texts_bytes / MIB);
        let why = &floor[0].lines.iter().find(|line| line.key == "bulk_size_mb").unwrap().why;
        assert!(why.contains(&said), "{why}");
    }
}
