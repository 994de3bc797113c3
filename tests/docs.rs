//! The pages say what the program does: codes, settings, verbs, flags and links are compared with it.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use prelo::commands::cli::Cli;
use prelo::config::example_toml;
use prelo::failure::{FailureCode, Permanence};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README, changelog, and all pages of `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<_> = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.extend(["README.md", "CHANGELOG.md", "ops/README.md"].map(|name| root().join(name)));
    pages.sort();
    pages
}

#[test]
fn every_code_is_explained_in_the_words_of_the_catalogue() {
    let page = fs::read_to_string(root().join("docs/failures.md")).unwrap();
    let sections: Vec<(&str, &str)> =
        page.split("\n### ").skip(1).map(|section| section.split_once('\n').unwrap()).collect();
    let explained: BTreeSet<_> = sections.iter().map(|(code, _)| *code).collect();
    let known: BTreeSet<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(explained, known);
    assert_eq!(sections.len(), known.len(), "a code is explained twice");
    for (word, section) in sections {
        let code = FailureCode::parse(word).unwrap();
        let back = match code.permanence() {
            Permanence::Permanent => "Comes back by itself: no.",
            Permanence::Retryable => "Comes back by itself: yes, ever more rarely, up to `failed_attempts` in a row.",
            Permanence::External => "Comes back by itself: yes, without an end.",
        };
        let expected = format!("\n{}\n{back}\n**What to do:** {}\n", code.sentence(), code.action());
        assert!(section.starts_with(&expected), "{word} should begin with:\n{expected}\nand begins with:\n{section}");
    }
}

/// The table of every setting, from the file that explains itself.
fn settings_page() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Every setting is a flag (`--page-size`), a variable (`PRELO_PAGE_SIZE`) and a key of `prelo.toml` (`page_size`). A \
         flag beats a\nvariable, that beats `prelo.toml`, and that the default. `prelo config` shows what holds and where it \
         came from; `prelo config --example`\nprints this page as a `prelo.toml`.\n",
    );
    let example = example_toml();
    let lines: Vec<&str> = example.lines().skip_while(|line| !line.starts_with("# == ")).collect();
    for paragraph in lines.join("\n").split("\n\n") {
        if let Some(heading) = paragraph.strip_prefix("# == ") {
            let heading = heading.trim_end_matches(" ==");
            page.push_str(&format!("\n## {heading}\n\n| key | default | what it is |\n|---|---|---|\n"));
            continue;
        }
        let lines: Vec<&str> = paragraph.lines().map(|line| line.strip_prefix("# ").unwrap()).collect();
        let [help, .., assignment] = lines.as_slice() else { panic!("{paragraph}") };
        let also = lines.iter().find_map(|line| line.strip_prefix("also from "));
        let also = also.map(|names| format!("; also from {names}")).unwrap_or_default();
        let (key, value) = assignment.split_once(" = ").unwrap();
        let default = match value.split_once("  # ") {
            None => format!("`{value}`"),
            Some((_, "not set")) => String::new(),
            Some((_, words)) => words.trim_start_matches("default: ").to_owned(),
        };
        page.push_str(&format!("| `{key}` | {default} | {}{also} |\n", help.replace('|', "\\|")));
    }
    page
}

#[test]
fn the_page_of_settings_is_that_of_the_table() {
    let path = root().join("docs/settings.md");
    let expected = settings_page();
    if std::env::var_os("PRELO_TEST_WRITE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let missing: Vec<_> = expected.lines().filter(|line| !written.contains(line)).collect();
    assert!(
        written == expected,
        "docs/settings.md is out of date; write it with: PRELO_TEST_WRITE_DOCS=1 cargo test --test docs\n{missing:#?}"
    );
}

/// As GitHub makes them of headings.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    plain
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn without_code_blocks(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = without_code_blocks(&fs::read_to_string(&page).unwrap());
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let anchored = |text: String| text.lines().any(|line| line.starts_with('#') && anchor(line) == fragment);
            let leads = target.exists() && (fragment.is_empty() || fs::read_to_string(&target).is_ok_and(anchored));
            if !leads {
                broken.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(seen > 20, "only {seen} links were found: this test no longer reads what it should");
}

/// Calls of prelo in a page, each as its words: those of a block of code, and those within a line.
fn calls(text: &str) -> Vec<Vec<String>> {
    let inline = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let blocks = text.split("```").enumerate();
    let pieces = blocks.flat_map(
        |(n, piece)| {
            if n % 2 == 1 { piece.lines().map(str::to_owned).collect() } else { inline(piece) }
        },
    );
    let words = pieces.flat_map(|piece| {
        let without_remark = piece.split(" #").next().unwrap_or_default().to_owned();
        let commands: Vec<String> = without_remark.split(['|', '>', ';', '&']).map(str::to_owned).collect();
        commands
    });
    words
        .map(|command| command.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|words: Vec<String>| Some(words[words.iter().position(|word| word == "prelo")? + 1..].to_vec()))
        .collect()
}

#[test]
fn every_alert_is_in_the_guide() {
    let rules = fs::read_to_string(root().join("ops/prometheus/alerts.yml")).unwrap();
    let guide = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let alerts: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let explained: BTreeSet<_> =
        guide.lines().filter_map(|line| line.strip_prefix("| **`")?.split('`').next()).collect();
    assert_eq!(explained, alerts);
}

#[test]
fn verbs_and_flags_of_the_pages_exist() {
    let command = Cli::with_settings();
    let global: BTreeSet<String> =
        command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned).collect();
    let mut wrong = BTreeSet::new();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for call in calls(&text) {
            // `prelo --version`, and words of Portuguese or of a path.
            let Some(verb) = call.first().filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            else {
                continue;
            };
            if verb.starts_with('-') {
                continue;
            }
            seen += 1;
            let name = page.file_name().unwrap().to_string_lossy().into_owned();
            let Some(known) = command.find_subcommand(verb) else {
                wrong.insert(format!("{name}: there is no verb `{verb}`"));
                continue;
            };
            for flag in call.iter().filter_map(|word| word.strip_prefix("--")).filter(|flag| !flag.is_empty()) {
                let flag = flag.split(['=', ',', '.', ']']).next().unwrap();
                let own = known.get_arguments().any(|arg| arg.get_long() == Some(flag));
                if !own && !global.contains(flag) && !["help", "version"].contains(&flag) {
                    wrong.insert(format!("{name}: `{verb}` has no flag --{flag}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 40, "only {seen} calls were found: this test no longer reads what it should");
}
