//! `man`: one page with every verb, made from the same table of verbs and flags as the help.

use anyhow::Result;
use clap::{Arg, Command};
use roff::{Roff, bold, italic, roman};

use super::cli::Cli;
use super::{help, output};
use crate::config;
use crate::words::{is_portuguese, t};

pub fn man() -> Result<u8> {
    output::text(&page())?;
    Ok(0)
}

/// The command without what only prelo itself starts, in the language of whoever reads it.
pub fn visible() -> Command {
    let all = Cli::with_settings();
    let mut visible = Command::new("prelo").version(env!("CARGO_PKG_VERSION")).args(all.get_arguments().cloned());
    if let Some(about) = all.get_about() {
        visible = visible.about(about.clone());
    }
    let verbs = all.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    let mut visible = visible.subcommands(verbs).subcommand_required(true);
    visible.build();
    if is_portuguese() { help::in_portuguese(visible) } else { visible }
}

/// What every verb may end with, and why.
const ENDS: &[(&str, &str)] = &[
    ("0", "Done; also: nothing to do, nothing there yet, or another run holds the lease."),
    ("1", "Unexpected: a defect of prelo, or of what it stands on."),
    ("2", "A mistake in what was typed or configured."),
    (
        "3",
        "Done, and something is left to be looked at: some gazettes or files failed, each with a code, or verify or reindex found what it could not put right.",
    ),
    (
        "4",
        "Stopped because a service cannot be used, or another run took over; nothing was marked that is not indexed, run it again. Of check: something that is needed is not there.",
    ),
    ("130, 143", "Stopped by ^C or SIGTERM, after what was in flight was finished."),
];

const VARIABLES: &[(&str, &str)] = &[
    (
        "PRELO_…",
        "Every setting, in capitals and with underscores: PRELO_PAGE_SIZE is --page-size. Flags beat variables, variables beat prelo.toml. An unknown one is a mistake.",
    ),
    ("PRELO_CONFIG", "The file of settings, where --config does not name it."),
    ("PRELO_ENV_FILE", "A file of variables, where --env-file does not name it."),
    (
        "LC_ALL, LC_MESSAGES, LANG",
        "The language of what people read: Portuguese where the first that says something begins with pt, else English. The log and JSON are English always.",
    ),
    ("NO_COLOR", "When it is not empty, nothing is coloured or bold."),
    ("TZ", "The time zone of --until."),
    ("TESSDATA_PREFIX", "The folder of Tesseract's languages, where it is not the usual one."),
];

const FILES: &[(&str, &str)] = &[
    (
        "prelo.toml",
        "Settings, read from the working directory when it is there. prelo config --example prints one that explains itself.",
    ),
    (
        "prelo-data/catalog.db",
        "The catalogue, where no other is named: what is pending, what failed and why, the runs.",
    ),
    ("prelo-data/index/", "The embedded index."),
    (
        "prelo-data/texts/",
        "The texts of the gazettes of a folder. A bucket keeps them beside the files, under the same key with .txt appended.",
    ),
    ("prelo-data/spool/", "Files between download and reading; empty between runs."),
    ("prelo-data/folder.txt", "The folder of files that the data belongs to, so that a later run need not name it."),
    ("gazettes.csv", "Beside the files of a folder: what prelo cannot know of them, such as territory and date."),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("prelo run --folder DIR", "Registers the files of a folder, reads and indexes them. No server is needed."),
    (
        "prelo search '\"pregão eletrônico\" -suspenso' --state AL --sort newest",
        "Finds a phrase without a word, the newest gazettes of a state first.",
    ),
    ("prelo run --for 2h --report report.json", "Works for two hours at most, and writes down what was done."),
    ("prelo reprocess --failed NEEDS_OCR", "Reads again what failed with a code, once what was wrong is put right."),
    ("prelo failures --csv > failures.csv", "All that is set aside, as a table."),
    (
        "prelo completions bash > ~/.local/share/bash-completion/completions/prelo",
        "Completes verbs, flags and their values in bash.",
    ),
    ("prelo man > ~/.local/share/man/man1/prelo.1", "Puts this page where man(1) finds it."),
];

fn page() -> String {
    let mut command = visible();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    let version = format!("prelo {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["PRELO", "1", "\"\"", &version, t("User Commands")]);
    // A flag or a path that is broken in two cannot be copied.
    roff.control("nh", []).control("ad", ["l"]);
    section(&mut roff, "NAME").text([roman(format!("prelo - {about}"))]);
    section(&mut roff, "SYNOPSIS").text([
        bold("prelo"),
        roman(" "),
        italic(t("VERB")),
        roman(format!(" {}", t("[OPTIONS]"))),
    ]);
    section(&mut roff, "DESCRIPTION").text([roman(t(
        "prelo lists what is pending in a catalogue, downloads it, reads it, indexes it, and marks a gazette only after the \
         index has acknowledged that very document. It may be killed at any moment and run again.",
    ))]);
    paragraph(
        &mut roff,
        t(
            "Catalogue, storage and index are three URLs: PostgreSQL, S3 and OpenSearch, or, without any server, SQLite, a folder \
         and an embedded index.",
        ),
    );
    section(&mut roff, "VERBS");
    for verb in command.get_subcommands_mut().filter(|verb| verb.get_name() != "help") {
        let usage = verb.render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        roff.control("SS", [usage]).text([roman(format!("{about}."))]);
        // What every verb takes stands below.
        let own = |arg: &&Arg| !arg.is_global_set() && arg.get_id() != "help";
        verb.get_arguments().filter(own).for_each(|arg| argument(&mut roff, arg));
    }
    section(&mut roff, "OPTIONS").text([roman(t("Every verb takes these, and every setting."))]);
    let of_settings: Vec<String> = config::flags().iter().map(|flag| flag.get_id().to_string()).collect();
    let is_setting = |arg: &Arg| of_settings.iter().any(|id| id == arg.get_id().as_str());
    command.get_arguments().filter(|arg| !is_setting(arg)).for_each(|arg| argument(&mut roff, arg));
    section(&mut roff, "SETTINGS").text([roman(t(
        "Each is a flag, a variable and a key of prelo.toml. prelo config shows what holds, and where it came from.",
    ))]);
    let mut heading = None;
    for arg in command.get_arguments().filter(|arg| is_setting(arg)) {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            roff.control("SS", heading);
        }
        argument(&mut roff, arg);
    }
    for (name, rows) in [("EXIT STATUS", ENDS), ("ENVIRONMENT", VARIABLES), ("FILES", FILES), ("EXAMPLES", EXAMPLES)] {
        section(&mut roff, name);
        for (what, words) in rows {
            roff.control("TP", []).text([bold(t(what))]).text([roman(t(words))]);
        }
    }
    section(&mut roff, "SEE ALSO").text([
        bold("tesseract"),
        roman("(1), "),
        bold("crontab"),
        roman("(5), "),
        bold("systemd.timer"),
        roman("(5)"),
    ]);
    paragraph(&mut roff, t("The guides in docs/ of the source: operating, failures, settings, reference."));
    roff.render()
}

fn section<'a>(roff: &'a mut Roff, name: &'static str) -> &'a mut Roff {
    roff.control("SH", [t(name)])
}

fn paragraph(roff: &mut Roff, text: &str) {
    roff.control("PP", []).text([roman(text)]);
}

/// Its names and values, and its help below.
fn argument(roff: &mut Roff, arg: &Arg) {
    let told = arg.to_string();
    let (name, value) = if arg.is_positional() {
        ("", told.as_str())
    } else {
        told.split_at(told.find([' ', '[']).unwrap_or(told.len()))
    };
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default() + &help::remark(arg);
    roff.control("TP", []).text([bold(format!("{short}{name}")), italic(value)]).text([roman(help)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::in_language;

    #[test]
    fn what_prelo_starts_itself_is_left_out() {
        let names: Vec<String> = visible().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        assert!(names.contains(&"run".to_owned()) && !names.contains(&"read-documents".to_owned()), "{names:?}");
        let page = in_language(false, page);
        assert!(page.contains(".SS \"prelo reindex [OPTIONS]\"") && page.contains("rollback"), "{page}");
        assert!(!page.contains("become-engine"), "{page}");
    }

    #[test]
    fn the_page_is_there_in_both_languages() {
        let page = in_language(true, page);
        for english in ["OPTIONS", "default:", "possible values", "Usage", "Print"] {
            assert!(!page.contains(english), "{english} in {page}");
        }
        for (what, words) in [ENDS, VARIABLES, FILES, EXAMPLES].concat() {
            assert!(in_language(true, || t(words)) != words, "{what}: {words}");
        }
    }

    #[test]
    fn every_end_that_the_readme_knows_has_its_line() {
        let readme = include_str!("../../README.md");
        let rows = readme.split("## Exit codes").nth(1).unwrap().split("##").next().unwrap().lines();
        let codes: Vec<&str> = rows
            .filter_map(|row| row.strip_prefix("| ")?.split(" |").next())
            .filter(|code| code.starts_with(|first: char| first.is_ascii_digit()))
            .collect();
        assert_eq!(codes, ENDS.iter().map(|(code, _)| *code).collect::<Vec<_>>());
    }
}
