//! What can be typed. Settings are flags of every verb; they come from the table of `config`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::selection::SelectionArgs;
use super::{help, mistake, output};
use crate::config;
use crate::words::{in_language, is_portuguese};

/// Turns official gazettes into searchable text, in bounded memory, and loses nothing.
#[derive(Debug, Parser)]
#[command(name = "prelo", version = super::version::short(), long_version = super::version::long())]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Try it: prelo run --folder DIR, then prelo search \"pregão eletrônico\"")]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,

    /// How results are printed
    #[arg(long, value_enum, default_value_t, global = true)]
    pub format: Format,
}

impl Cli {
    /// The command with the flags of all settings.
    #[must_use]
    pub fn with_settings() -> clap::Command {
        Self::command().args(config::flags())
    }

    /// Parses the process's arguments; on a mistake, prints it and ends the process with 2.
    #[must_use]
    pub fn from_process() -> (Self, clap::ArgMatches) {
        let parsed = in_language(false, Self::with_settings).try_get_matches().and_then(|matches| {
            let cli = Self::from_arg_matches(&matches)?;
            Ok((cli, matches))
        });
        parsed.unwrap_or_else(|error| Self::told_to_the_reader(&error))
    }

    /// Help, the version or a mistake. What it takes to say them in Portuguese is done only now: most calls ask for neither.
    fn told_to_the_reader(error: &clap::Error) -> ! {
        if !is_portuguese() {
            error.exit();
        }
        let Err(error) = help::in_portuguese(Self::with_settings()).try_get_matches() else { error.exit() };
        if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            error.exit();
        }
        output::note(mistake::words(&error).trim_end());
        std::process::exit(error.exit_code());
    }
}

/// Text for people or JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Read what is pending and index it
    Run(RunArgs),
    /// Read again what was read before, chosen by at least one filter
    Reprocess(RunArgs),
    /// Say what a run would do and how long it should take, touching nothing
    Plan(PlanArgs),
    /// Show the catalogue in numbers and the last runs
    Status,
    /// List the last runs, or tell one of them in full
    Runs(RunsArgs),
    /// List the gazettes that are set aside
    Failures(FailuresArgs),
    /// Tell the whole story of one gazette
    Explain(ExplainArgs),
    /// Find passages in the index
    Search(SearchArgs),
    /// Read one or more files and print or write their text
    Extract(ExtractArgs),
    /// Create the tables that are missing
    Migrate,
    /// Print every setting with where it came from
    Config(ConfigArgs),
    /// Reach the three services and say what is wrong with each, and size this machine
    Check,
    /// Show the search page, the API and what goes on, to browsers
    Serve(ServeArgs),
    /// Fill a new version of the index from the stored texts, reading no file again
    Reindex(ReindexArgs),
    /// Compare catalogue, storage and index, and name what does not agree
    Verify(VerifyArgs),
    /// Print a script that completes verbs and flags in a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
    /// Read documents that another prelo hands over; started by it alone
    #[command(hide = true)]
    ReadDocuments(ReadDocumentsArgs),
    /// Become the OCR engine, confined; started by prelo alone
    #[command(hide = true)]
    BecomeEngine(BecomeEngineArgs),
    /// Write the picture of a page as OCR sees it, to look at
    #[command(hide = true)]
    Picture(PictureArgs),
}

#[derive(Debug, Args)]
pub struct PictureArgs {
    /// A PDF, PNG, JPEG or TIFF file
    pub file: PathBuf,

    /// Page, counted from 1
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub page: u32,

    /// Only the images beside the page's own text
    #[arg(long)]
    pub beside: bool,

    /// File to write, a portable greymap; of several pictures, each further one gets its number before the extension
    #[arg(long, default_value = "page.pgm", value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct ReadDocumentsArgs {
    /// Threads that share a long document
    #[arg(long)]
    pub threads: u32,

    /// Heap beyond what it takes to begin
    #[arg(long)]
    pub memory_bytes: u64,
}

#[derive(Debug, Args)]
pub struct BecomeEngineArgs {
    /// Heap beyond what it takes to begin
    #[arg(long)]
    pub memory_bytes: u64,

    /// CPU time
    #[arg(long)]
    pub cpu_seconds: u64,

    /// Folder of the engine's data
    #[arg(long)]
    pub data: Option<PathBuf>,

    /// The engine's program and its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Plan only: say what would be done, touching nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Be done at this time of day (HH:MM, in the machine's time zone), today or tomorrow: nothing more is claimed in time
    /// for that. One that passed less than an hour ago is refused: it was meant for today
    #[arg(long, value_name = "HH:MM", value_parser = super::until::time_of_day, conflicts_with = "span")]
    pub until: Option<time::Time>,

    /// Be done after so long, such as 2h, 45m or 1h30m
    #[arg(long = "for", id = "span", value_name = "DURATION", value_parser = super::until::span)]
    pub span: Option<std::time::Duration>,

    /// Write a JSON report of the run to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    // Last: what comes behind it would stand under its heading.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
}

#[derive(Debug, Args)]
pub struct RunsArgs {
    /// The beginning of a run's id
    pub id: Option<String>,

    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct FailuresArgs {
    /// Only this code
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,

    /// Only this territory: its id, or its name, such as "Ribeira do Sol/AL"
    #[arg(long, value_name = "ID|NAME")]
    pub territory: Option<String>,

    /// As CSV, with more columns
    #[arg(long)]
    pub csv: bool,

    /// Gazettes at most, the newest ids first
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that reads the script
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The gazette's id in the catalogue
    pub id: i64,
}

#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Words and "phrases"; all must occur. OR and -word work, too
    #[arg(required = true, num_args = 1..)]
    pub query: Vec<String>,

    /// Only this territory: its id, or its name, such as "Ribeira do Sol/AL" (may be repeated)
    #[arg(long, value_name = "ID|NAME")]
    pub territory: Vec<String>,

    /// Only this state, such as AL
    #[arg(long, value_name = "UF")]
    pub state: Option<String>,

    /// Gazettes from this date on
    #[arg(long, value_name = "DATE", value_parser = super::selection::date)]
    pub from: Option<time::Date>,

    /// Gazettes up to this date
    #[arg(long, value_name = "DATE", value_parser = super::selection::date)]
    pub to: Option<time::Date>,

    /// Only extra editions, or only the others
    #[arg(long, value_enum, value_name = "TYPE")]
    pub edition: Option<Edition>,

    /// Only gazettes of this power, such as executive
    #[arg(long, value_name = "WORD")]
    pub power: Option<String>,

    /// What comes first
    #[arg(long, value_enum, default_value_t)]
    pub sort: Order,

    /// Gazettes passed over
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub offset: u16,

    /// Count what matches by territory and month, too
    #[arg(long)]
    pub totals: bool,

    /// Gazettes at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
}

/// Extra editions or the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Edition {
    Extra,
    Regular,
}

/// The order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Order {
    #[default]
    Relevance,
    Newest,
    Oldest,
}

#[derive(Debug, Args)]
pub struct ExtractArgs {
    /// Files to read
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Write STEM.txt for each file into this folder instead of printing
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub out: Option<PathBuf>,

    /// Threads that read; by default as many as the settings say
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}

#[derive(Debug, Args)]
#[allow(clippy::doc_markdown)] // help texts are no Markdown
pub struct ReindexArgs {
    /// Go back to the version before, after it was given what was indexed since
    #[arg(long, conflicts_with_all = ["drop_old", "cancel"])]
    pub rollback: bool,

    /// Remove the version before, which is kept for --rollback
    #[arg(long, conflicts_with = "cancel")]
    pub drop_old: bool,

    /// Give up a version that was begun
    #[arg(long)]
    pub cancel: bool,

    /// Search the new version also when it holds fewer documents than the one before
    #[arg(long, conflicts_with_all = ["drop_old", "cancel"])]
    pub accept_fewer: bool,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Make what is wrong pending again, under the lease of a run
    #[arg(long)]
    pub repair: bool,

    /// With --repair: remove from the index prelo's documents that have no row, and second documents of a gazette
    #[arg(long, requires = "repair")]
    pub delete_orphans: bool,

    /// Compare catalogue and index only; ask nothing of the storage
    #[arg(long, conflicts_with = "no_texts")]
    pub quick: bool,

    /// Ask whether files are there, but read no text
    #[arg(long)]
    pub no_texts: bool,

    /// Name so many findings at most; all are counted, and repaired
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Print a prelo.toml that explains itself instead
    #[arg(long)]
    pub example: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_verbs_and_settings_do_not_collide() {
        Cli::with_settings().debug_assert();
    }
}
