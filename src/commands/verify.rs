//! `verify`: whether catalogue, storage and index agree; `--repair` puts right what does not.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::cli::{Format, VerifyArgs};
use super::{nothing_yet, output, run, services};
use crate::config::Config;
use crate::gazette::GazetteId;
use crate::pipeline::verifier::{self, Class, Finding, Options, Summary, Verified};
use crate::shutdown::StopReason;
use crate::words::{number, t, told};

pub async fn verify(args: &VerifyArgs, config: &Config, format: Format) -> Result<u8> {
    let mut config = config.clone();
    services::settle_folder(&mut config)?;
    let Some(catalog) = services::existing_catalog(&config).await? else {
        return empty(&config, format);
    };
    let index = services::search_index(&config).await?;
    let context = services::context(config, catalog, index).await?;
    let options = Options {
        files: !args.quick,
        texts: !args.quick && !args.no_texts && context.config.store_text,
        repair: args.repair,
        remove: args.delete_orphans,
    };
    let mut printer = Printer { format, most: args.limit, printed: 0, failed: None };
    let verified = verifier::verify(&context, options, &mut |finding| printer.tell(finding)).await?;
    let summary = match verified {
        Verified::Done(summary) => summary,
        Verified::Busy { run, since } => return run::busy(run, since, format),
    };
    printer.close(&summary)?;
    Ok(summary.exit_code())
}

fn empty(config: &Config, format: Format) -> Result<u8> {
    match format {
        Format::Json => Printer { format, most: None, printed: 0, failed: None }.close(&Summary::default())?,
        Format::Text => output::text(&nothing_yet::words(config))?,
    }
    Ok(0)
}

/// A finding for programs.
#[derive(Serialize)]
struct Shown<'a> {
    class: Class,
    gazette_id: Option<GazetteId>,
    key: &'a str,
    document: Option<&'a str>,
    detail: &'a str,
    action: &'a str,
    repaired: bool,
}

/// Prints findings as they come: none is kept.
struct Printer {
    format: Format,
    most: Option<u64>,
    printed: u64,
    /// Why printing ended; told when all is done.
    failed: Option<anyhow::Error>,
}

impl Printer {
    fn tell(&mut self, finding: &Finding) {
        if self.failed.is_some() || self.most.is_some_and(|most| self.printed >= most) {
            return;
        }
        let printed = match self.format {
            Format::Json => self.json(finding),
            Format::Text => output::text(&line(finding)),
        };
        self.printed += 1;
        self.failed = printed.err();
    }

    /// One document, like that of other verbs, with a finding on each line.
    fn json(&self, finding: &Finding) -> Result<()> {
        let before = if self.printed == 0 { "{\"findings\": [\n" } else { ",\n" };
        let shown = Shown {
            class: finding.class,
            gazette_id: finding.gazette,
            key: &finding.key,
            document: finding.document.as_deref(),
            detail: &finding.detail,
            action: finding.action(),
            repaired: finding.repaired,
        };
        output::text(&format!("{before}{}", serde_json::to_string(&shown)?))
    }

    fn close(self, summary: &Summary) -> Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.format {
            Format::Json => {
                let before = if self.printed == 0 { "{\"findings\": [" } else { "" };
                output::text(&format!("{before}\n], \"summary\": {}}}\n", json!(summary)))
            }
            Format::Text => output::text(&closing(summary, self.printed)),
        }
    }
}

/// The words of other services and of files' names are printed without what could steer a terminal.
fn line(finding: &Finding) -> String {
    let id = finding.gazette.map_or_else(|| "-".into(), |id| id.to_string());
    let document = match &finding.document {
        Some(document) if *document != id => format!(" ({} {document})", t("document")),
        _ => String::new(),
    };
    let key = if finding.key.is_empty() { "-" } else { &finding.key };
    let plain: String =
        format!("{:<18} {id:>9}  {key}{document}: {}; {}", finding.class.as_str(), finding.detail, t(finding.action()))
            .chars()
            .filter(|c| !c.is_control())
            .collect();
    plain + "\n"
}

fn closing(summary: &Summary, printed: u64) -> String {
    let found: u64 = summary.findings.values().sum();
    let mut text = String::new();
    if found > printed {
        text.push_str(&format!("{} (--limit)\n", told("… and {n} more", &[("n", &number(found - printed))])));
    }
    if found > 0 {
        text.push('\n');
    }
    let rows: Vec<Vec<String>> = [
        ("rows marked as processed", summary.rows, true),
        ("of those, by another service", summary.by_predecessor, summary.by_predecessor > 0),
        ("passed over, in work just now", summary.in_work, summary.in_work > 0),
        ("files asked for", summary.files, true),
        ("texts read", summary.texts, true),
        ("documents in the index", summary.documents, true),
        ("findings", found, true),
        ("made pending", summary.reopened, summary.reopened > 0),
        ("removed from the index", summary.removed, summary.removed > 0),
    ]
    .iter()
    .filter(|(_, _, shown)| *shown)
    .map(|(name, count, _)| vec![t(name).to_owned(), number(*count)])
    .collect();
    text.push_str(&output::table(&[], &rows));
    for class in Class::ALL {
        if let Some(count) = summary.findings.get(class.as_str()) {
            text.push_str(&format!("\n  {}  {}\n      {}", class.as_str(), number(*count), t(class.sentence())));
        }
    }
    if found > 0 {
        text.push('\n');
    }
    text.push('\n');
    if summary.removal_refused {
        text.push_str(t(
            "Nothing was removed: more than half of the index has no row. Is this the catalogue of this index? If it is, \
             remove the index and run `prelo verify --repair`, then `prelo run`.",
        ));
        text.push('\n');
    }
    text.push_str(&match &summary.stop {
        Some(StopReason::DependencyDown(detail)) => {
            format!("{}{detail}\n{}", t("Stopped: "), t("The rest was not looked at."))
        }
        Some(StopReason::LeaseLost) => {
            t("Stopped: another run took the lease over. The rest was not looked at.").into()
        }
        Some(StopReason::Internal(detail)) => format!("{}{detail}", t("Stopped by a defect of prelo: ")),
        Some(StopReason::Signal(_) | StopReason::OutOfTime) => {
            t("Stopped by a signal; the rest was not looked at.").into()
        }
        None => t(conclusion(summary, found)).into(),
    });
    text.push('\n');
    text
}

/// What follows from findings, when all was looked at.
fn conclusion(summary: &Summary, found: u64) -> &'static str {
    match found {
        0 if summary.files == 0 && summary.rows > 0 => "Catalogue and index agree; the storage was not asked.",
        0 => "Catalogue, storage and index agree.",
        _ if summary.reopened > 0 => "Next: prelo run",
        _ if summary.unrepaired == 0 => "All of it was put right.",
        _ if summary.removed > 0 || summary.removal_refused => "What is left is named above, with what to do.",
        _ => "What to do is said beside each. Most of it, for all of them: prelo verify --repair, then prelo run",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::verifier::Remedy;

    fn finding() -> Finding {
        Finding {
            class: Class::OrphanDocument,
            gazette: None,
            key: String::new(),
            document: Some("\u{1b}[2J0cc1".into()),
            detail: "no row has its id; another service wrote it".into(),
            remedy: Remedy::ByHand,
            repaired: false,
        }
    }

    #[test]
    fn a_line_names_the_finding_and_steers_no_terminal() {
        let line = line(&finding());
        assert!(line.starts_with("ORPHAN_DOCUMENT") && line.contains("(document [2J0cc1)"), "{line}");
        assert!(line.contains("by hand") && line.ends_with('\n') && !line.contains('\u{1b}'), "{line}");
    }

    #[test]
    fn totals_say_what_was_left_out() {
        let mut summary = Summary { rows: 9, unrepaired: 5, ..Summary::default() };
        summary.findings.insert("NOT_IN_INDEX", 5);
        let text = closing(&summary, 2);
        assert!(text.starts_with("… and 3 more") && text.contains("prelo verify --repair"), "{text}");
        let mended = Summary { unrepaired: 0, removed: 5, ..summary.clone() };
        assert!(closing(&mended, 5).ends_with("All of it was put right.\n"));
        let clean = closing(&Summary { rows: 9, files: 9, ..Summary::default() }, 0);
        assert!(clean.ends_with("Catalogue, storage and index agree.\n"), "{clean}");
        let quick = closing(&Summary { rows: 9, ..Summary::default() }, 0);
        assert!(quick.contains("the storage was not asked"), "{quick}");
    }
}
