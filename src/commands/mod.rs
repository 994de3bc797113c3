//! One file per verb. Errors meet the user here, and become an exit code.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Result;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::catalog::{CatalogError, CatalogErrorKind};
use crate::config::{Config, ConfigError, Loaded, Origin, Sources, load};
use crate::extraction::THREAD_NAME;
use crate::pipeline::RunError;
use crate::pipeline::registrar::RegistrarError;
use crate::search_index::{SearchIndexError, SearchIndexErrorKind};
use crate::storage::{StorageError, StorageErrorKind};
use crate::telemetry::{self, Lines, LogFile};
use crate::words::{self, told};

mod check;
pub mod cli;
mod completions;
mod config;
mod explain;
mod extract;
mod failures;
mod help;
mod lanes;
mod manual;
mod memory;
mod metrics;
mod migrate;
mod mistake;
mod nothing_yet;
mod output;
mod picture;
mod places;
mod plan;
pub mod readers;
mod reindex;
mod reload;
mod run;
mod runs;
mod search;
pub mod selection;
mod serve;
mod services;
mod set_aside;
mod signals;
mod sizing;
mod status;
mod territories;
mod title;
mod until;
mod verify;
mod version;

use cli::{Cli, Format, Verb};

/// A mistake in what was typed: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Runs the process's command line.
#[must_use]
pub fn main() -> ExitCode {
    without_core_dumps();
    let (cli, matches) = Cli::from_process();
    quiet_reader_panics();
    match dispatch(&cli, &matches) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

fn dispatch(cli: &Cli, matches: &clap::ArgMatches) -> Result<u8> {
    if let Verb::Config(args) = &cli.verb
        && args.example
    {
        return config::example();
    }
    if let Verb::Completions(args) = &cli.verb {
        return completions::completions(args);
    }
    if matches!(cli.verb, Verb::Man) {
        return manual::man();
    }
    // Before anything is read or started: this process has an empty environment and nothing to configure.
    if let Verb::ReadDocuments(args) = &cli.verb {
        return readers::read_documents(args);
    }
    if let Verb::BecomeEngine(args) = &cli.verb {
        return readers::become_engine(args);
    }
    let sources = Sources::from_matches(matches)?;
    let mut loaded = load(&sources)?;
    if let Err(error) = title::without(&sources.secret_flags()) {
        loaded.warnings.push(told(
            "a secret that was typed as a flag stays visible to other users ({error})",
            &[("error", &error)],
        ));
    }
    if loaded.config.holds_secrets() {
        without_dumps();
    }
    telemetry::install(Lines {
        level: log_level(&loaded),
        json: loaded.config.log_format.json(),
        file: log_file(&loaded.config)?,
    });
    for warning in &loaded.warnings {
        output::warning(warning);
    }
    memory::respect_container(&mut loaded.config, is_bounded(&cli.verb));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let code = runtime.block_on(verb(cli, loaded));
    // A reader that is still at work when a run was ended at once must not hold up the end of the process.
    runtime.shutdown_background();
    code
}

/// Whether the verb shares `memory_budget_mb` out. The container of the others, such as `serve`, is right to be smaller.
fn is_bounded(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Run(_)
            | Verb::Reprocess(_)
            | Verb::Plan(_)
            | Verb::Extract(_)
            | Verb::Check
            | Verb::Config(_)
            | Verb::Reindex(_)
    )
}

/// On a terminal the bar and the closing table tell what `info` would; who wants it all the same asks for it.
fn log_level(loaded: &Loaded) -> &str {
    let asked = loaded.origins.get("log_level").is_some_and(|origin| *origin != Origin::Default);
    let on_terminal = loaded.config.log_file.is_none() && std::io::stderr().is_terminal();
    if !asked && on_terminal { "warn" } else { &loaded.config.log_level }
}

fn log_file(config: &Config) -> Result<Option<LogFile>, Usage> {
    let Some(path) = &config.log_file else { return Ok(None) };
    let opened = LogFile::open(path, config.log_file_max_mb * 1024 * 1024, config.log_files_kept);
    opened.map(Some).map_err(|error| {
        Usage(told(
            "the log file {file} cannot be opened ({error}): name another with --log-file",
            &[("file", &path.display()), ("error", &error)],
        ))
    })
}

async fn verb(cli: &Cli, loaded: Loaded) -> Result<u8> {
    if cli.format == Format::Json {
        words::for_programs();
    }
    match &cli.verb {
        Verb::Run(args) => run::run(args, loaded, cli.format).await,
        Verb::Reprocess(args) => run::reprocess(args, loaded, cli.format).await,
        Verb::Plan(args) => plan::plan(args, &loaded, cli.format).await,
        Verb::Status => status::status(&loaded.config, cli.format).await,
        Verb::Runs(args) => runs::runs(args, &loaded.config, cli.format).await,
        Verb::Failures(args) => failures::failures(args, &loaded.config, cli.format).await,
        Verb::Completions(args) => completions::completions(args),
        Verb::Man => manual::man(),
        Verb::Explain(args) => explain::explain(args, &loaded.config, cli.format).await,
        Verb::Search(args) => search::search(args, &loaded.config, cli.format).await,
        Verb::Extract(args) => extract::extract(args, &loaded.config, cli.format),
        Verb::Migrate => migrate::migrate(&loaded.config, cli.format).await,
        Verb::Config(_) => config::config(&loaded, cli.format),
        Verb::Reindex(args) => reindex::reindex(args, &loaded.config, cli.format).await,
        Verb::Verify(args) => verify::verify(args, &loaded.config, cli.format).await,
        Verb::Serve(args) => serve::serve(args, loaded.config, cli.format).await,
        Verb::Check => check::check(&loaded.config, cli.format).await,
        Verb::ReadDocuments(args) => readers::read_documents(args),
        Verb::BecomeEngine(args) => readers::become_engine(args),
        Verb::Picture(args) => picture::picture(args, &loaded.config),
    }
}

/// A core dump would hold the credentials of three services. Where it cannot be forbidden, nothing is lost by going on.
fn without_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
}

/// The bound on core dumps does not hold where the kernel hands them to a program (core(5)); there the process has to ask
/// for none. Others of the same user can then neither attach to it nor read its environment.
fn without_dumps() {
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// A panic of a reader is a failure of its gazette, told with it; only panics elsewhere are news on the terminal.
fn quiet_reader_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let reader = std::thread::current().name().is_some_and(|name| name.starts_with(THREAD_NAME));
        if !reader {
            default(info);
        }
    }));
}

/// 2 for a mistake in what was typed or configured, 4 for a service that cannot be used, 1 for anything else.
fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() || error.is::<ConfigError>() {
        return 2;
    }
    if let Some(error) = error.downcast_ref::<RegistrarError>() {
        return match error {
            RegistrarError::Catalog(error) => of_catalog(error),
            RegistrarError::Metadata(_) | RegistrarError::Folder { .. } => 2,
        };
    }
    if let Some(error) = error.downcast_ref::<RunError>() {
        return match error {
            RunError::Catalog(error) => of_catalog(error),
            RunError::Storage(error) => of_storage(error),
            RunError::Index(error) => of_index(error),
            RunError::Spool { .. } | RunError::Pool { .. } | RunError::Reader(_) => 1,
        };
    }
    if let Some(error) = error.downcast_ref::<CatalogError>() {
        return of_catalog(error);
    }
    if let Some(error) = error.downcast_ref::<SearchIndexError>() {
        return of_index(error);
    }
    if let Some(error) = error.downcast_ref::<StorageError>() {
        return of_storage(error);
    }
    1
}

fn of_storage(error: &StorageError) -> u8 {
    match error.kind {
        StorageErrorKind::BadUrl | StorageErrorKind::BadKey => 2,
        StorageErrorKind::Other => 1,
        _ => 4,
    }
}

fn of_catalog(error: &CatalogError) -> u8 {
    match error.kind {
        CatalogErrorKind::BadUrl | CatalogErrorKind::TableMissing => 2,
        CatalogErrorKind::Other => 1,
        _ => 4,
    }
}

fn of_index(error: &SearchIndexError) -> u8 {
    match error.kind {
        SearchIndexErrorKind::BadUrl | SearchIndexErrorKind::BadQuery | SearchIndexErrorKind::NotThere => 2,
        SearchIndexErrorKind::Other => 1,
        _ => 4,
    }
}
