//! The last runs, each in a line.

use maud::{Markup, html};

use super::{PATH, words};
use crate::catalog::RunRecord;
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
    let Some(reason) = &run.stopped_by else {
        return match (run.finished_at, live == Some(run.id)) {
            (Some(_), _) => html! { span.badge.good { (language.of("concluída", "done")) } },
            (None, true) => html! { span.badge.fair { (language.of("em execução", "at work")) } },
            (None, false) => html! { span.badge.bad { (language.of("sem notícias", "not heard of")) } },
        };
    };
    let words = match reason.as_str() {
        "sigint" | "sigterm" => language.of("interrompida por um sinal", "stopped by a signal"),
        "dependency_down" => language.of("um serviço fora do ar", "a service was down"),
        "lease_lost" => language.of("outra execução assumiu", "another run took over"),
        "lease_expired" => language.of("morreu; a seguinte assumiu", "died; the next one took over"),
        "could_not_begin" => language.of("não pôde começar", "could not begin"),
        "internal" => language.of("defeito interno", "internal defect"),
        other => other,
    };
    html! { span.badge.bad { (words) } }
}
