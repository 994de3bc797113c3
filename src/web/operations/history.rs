//! The last runs, each in a line.

use maud::{Markup, html};

use super::{PATH, words};
use crate::catalog::{Outlook, RunRecord};
use crate::gazette::RunId;
use crate::web::language::Language;

/// `live` is the run that holds the lease.
pub fn table(language: Language, runs: &[RunRecord], live: Option<RunId>) -> Markup {
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (language.of("Início (UTC)", "Started (UTC)")) }
                th.number scope="col" { (language.of("Duração", "Took")) }
                th.number scope="col" { (language.of("Selecionados", "Selected")) }
                th.number scope="col" { (language.of("Indexados", "Indexed")) }
                th.number scope="col" { (language.of("Falhas", "Failed")) }
                th.number scope="col" { (language.of("Diários/s", "Gazettes/s")) }
                th.number scope="col" { (language.of("Páginas OCR/s", "OCR pages/s")) }
                th scope="col" { (language.of("Fim", "End")) }
            } }
            tbody { @for run in runs {
                @let counts = &run.counts;
                tr {
                    th scope="row" {
                        a href=(format!("{PATH}/execucoes/{}?lang={}", run.id, language.tag())) {
                            (words::moment(language, run.started_at))
                        }
                    }
                    td.number { (words::time_span(language, counts.seconds)) }
                    td.number { (language.number(counts.selected)) }
                    td.number { (language.number(counts.indexed)) }
                    td.number { (language.number(counts.failures())) }
                    td.number { (words::decimal(language, counts.documents_per_second())) }
                    td.number {
                        @if counts.ocr.pages > 0 { (words::decimal(language, counts.ocr.pages_per_second())) } @else { "–" }
                    }
                    td { (end(language, run, live)) }
                }
            } }
        } }
    }
}

/// How a run ended, in a word.
pub fn end(language: Language, run: &RunRecord, live: Option<RunId>) -> Markup {
    let end = run.end(live);
    let class = match end.outlook {
        Outlook::Good => "badge good",
        Outlook::Open => "badge fair",
        Outlook::Bad => "badge bad",
    };
    html! { span class=(class) { (words::either(language, end.words())) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::RunCounts;

    #[test]
    fn an_end_that_was_wanted_is_no_alarm() {
        let mut run = RunRecord::with_counts(RunCounts::default());
        for (reason, portuguese, english) in [
            ("out_of_time", "good\">parou a tempo<", "good\">stopped in time<"),
            ("sigterm", "bad\">interrompida por um sinal<", "bad\">stopped by a signal<"),
            ("<b>", "bad\">&lt;b&gt;<", "bad\">&lt;b&gt;<"),
        ] {
            run.stopped_by = Some(reason.into());
            for (language, words) in [(Language::Portuguese, portuguese), (Language::English, english)] {
                let shown = end(language, &run, None).0;
                assert!(shown.contains(words), "{shown}");
            }
        }
    }
}
