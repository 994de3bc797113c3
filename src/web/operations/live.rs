//! A run at one moment: lanes, rates, memory, stages, what takes longest, the three services.

use maud::{Markup, html};

use super::{chart, words};
use crate::catalog::ShownRun;
use crate::gazette::Lane;
use crate::telemetry::{Breaker, BreakerState, LaneCounts, Live, SECONDS, Stage};
use crate::web::language::Language;

pub fn section(language: Language, run: &ShownRun, live: &Live) -> Markup {
    html! {
        div.columns {
            section.card aria-labelledby="lanes" {
                h2 id="lanes" { (language.of("Faixas", "Lanes")) }
                @for lane in [Lane::Digital, Lane::Ocr] { (lane_of(language, lane, live, run.is_live)) }
                @if run.is_live { (rates(language, live)) }
            }
            section.card aria-labelledby="memory" {
                h2 id="memory" { (language.of("Memória", "Memory")) }
                @if live.memory.over_time.is_empty() {
                    p.muted { (language.of("Ainda não foi medida.", "Not measured yet.")) }
                } @else {
                    (chart::memory(language, &live.memory))
                }
                (processes(language, live))
            }
        }
        div.columns {
            section.card aria-labelledby="stages" {
                h2 id="stages" { (language.of("Etapas", "Stages")) }
                (stages(language, live))
            }
            section.card aria-labelledby="services" {
                h2 id="services" { (language.of("Serviços", "Services")) }
                (services(language, live, run.is_live))
            }
        }
        @if run.is_live && !live.longest.is_empty() {
            section.card aria-labelledby="slowest" {
                h2 id="slowest" { (language.of("Há mais tempo em andamento", "Longest in flight")) }
                (longest(language, live))
            }
        }
    }
}

fn lane_of(language: Language, lane: Lane, live: &Live, is_live: bool) -> Markup {
    let counts = live.counts.lane(lane);
    let (name, unit) = match lane {
        Lane::Digital => (language.of("Texto digital", "Digital text"), language.of("diários", "gazettes")),
        Lane::Ocr => (language.of("Digitalizações (OCR)", "Scans (OCR)"), language.of("páginas", "pages")),
    };
    let (done, all, rate) = match lane {
        Lane::Digital => (counts.gazettes, counts.selected, counts.gazettes_per_second()),
        Lane::Ocr => (counts.pages, counts.selected_pages, counts.pages_per_second()),
    };
    let number = |value| language.number(value);
    html! {
        div.lane {
            p {
                strong { (name) }
                @if all == 0 && done == 0 {
                    span.muted { (idle(language, lane, live, is_live)) }
                } @else {
                    span { (number(done)) " " (language.of("de", "of")) " " (number(all.max(done))) " " (unit) }
                    span.muted {
                        (words::decimal(language, rate)) "/s"
                        @if is_live && live.lane == lane { (left(language, counts).unwrap_or_default()) }
                    }
                }
            }
            progress max=(all.max(done).max(1)) value=(done) aria-label=(name) { (done) "/" (all) }
        }
    }
}

fn idle(language: Language, lane: Lane, live: &Live, is_live: bool) -> String {
    match (lane, live.counts.deferred) {
        (Lane::Digital, _) if is_live && live.lane == lane && live.counts.selected > 0 => {
            language.of("ainda não começou", "not begun yet").to_owned()
        }
        (Lane::Ocr, waiting @ 1..) => {
            let waiting = language.number(waiting);
            language.of(format!("{waiting} esperam pelo OCR"), format!("{waiting} wait for OCR"))
        }
        _ => language.of("nada a fazer", "nothing to do").to_owned(),
    }
}

fn left(language: Language, counts: &LaneCounts) -> Option<String> {
    let seconds = counts.seconds_left().filter(|seconds| *seconds > 0.0)?;
    let left = words::time_span(language, seconds);
    Some(language.of(format!(" · faltam cerca de {left}"), format!(" · about {left} left")))
}

fn rates(language: Language, live: &Live) -> Markup {
    let recent = live.recent;
    let decimal = |value| words::decimal(language, value);
    html! {
        dl.figures {
            (figure(language.of("diários/s", "gazettes/s"), &decimal(recent.documents)))
            (figure(language.of("páginas/s", "pages/s"), &decimal(recent.pages)))
            (figure("MB/s", &decimal(recent.bytes / 1e6)))
            (figure(language.of("em andamento", "in flight"), &language.number(live.in_flight)))
        }
        p.muted { (language.of("Média dos últimos 30 segundos.", "Mean of the last 30 seconds.")) }
    }
}

pub fn figure(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn processes(language: Language, live: &Live) -> Markup {
    let amount = |bytes| words::megabytes(language, bytes);
    let memory = &live.memory;
    if memory.own_bytes == 0 {
        return html! {};
    }
    let children: Vec<String> =
        memory.children_bytes.iter().filter(|bytes| **bytes > 0).map(|bytes| amount(*bytes)).collect();
    html! {
        p.muted {
            "prelo: " (amount(memory.own_bytes))
            @if !children.is_empty() {
                " · " (language.of("leitores", "readers")) ": " (children.join(" + "))
            }
            " · " (language.of("leituras simultâneas permitidas", "documents read at once at most")) ": " (live.readers)
        }
    }
}

pub fn stage_name(language: Language, stage: Stage) -> &'static str {
    match stage {
        Stage::Download => language.of("Baixar", "Download"),
        Stage::Extract => language.of("Ler", "Read"),
        Stage::Ocr => "OCR",
        Stage::Store => language.of("Guardar o texto", "Store the text"),
        Stage::Index => language.of("Indexar (lotes)", "Index (bulks)"),
    }
}

fn stages(language: Language, live: &Live) -> Markup {
    let span = |seconds: Option<f64>| match seconds {
        None => "–".to_owned(),
        Some(seconds) if seconds.is_infinite() => {
            format!("> {}", words::time_span(language, SECONDS[SECONDS.len() - 1]))
        }
        Some(seconds) if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        Some(seconds) => words::time_span(language, seconds),
    };
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (language.of("Etapa", "Stage")) }
                th.number scope="col" { (language.of("Agora", "Now")) }
                th.number scope="col" { (language.of("Esperam", "Waiting")) }
                th.number scope="col" { (language.of("Feitos", "Done")) }
                th.number scope="col" { (language.of("Média", "Mean")) }
                th.number scope="col" { (language.of("95% até", "95% within")) }
            } }
            tbody { @for stage in Stage::ALL { @if let Some(used) = live.stages.get(&stage) {
                tr {
                    th scope="row" { (stage_name(language, stage)) }
                    td.number { (used.working) }
                    td.number { (used.waiting) }
                    td.number { (language.number(used.seconds.count())) }
                    td.number { (span(used.seconds.mean())) }
                    td.number { (span(used.seconds.bound_of(SECONDS, 0.95))) }
                }
            } } }
        } }
    }
}

fn services(language: Language, live: &Live, is_live: bool) -> Markup {
    html! {
        ul.services { @for (service, breaker) in &live.breakers {
            li {
                (badge(language, breaker, is_live))
                " " strong { (service_name(language, service)) }
                @if breaker.openings > 0 {
                    span.muted {
                        " " (language.of("fora do ar nesta execução: ", "down in this run: ")) (breaker.openings) "×"
                    }
                }
                @if breaker.state != BreakerState::Closed && !breaker.error.is_empty() {
                    p.detail lang="en" { (breaker.error) }
                }
            }
        } }
        @let retries: u64 = live.retries.values().sum();
        p.muted {
            (language.of("Chamadas repetidas", "Calls made again")) ": " (language.number(retries)) " · "
            (language.of("documentos recusados pelo índice", "documents that the index rejected")) ": "
            (language.number(live.bulks.rejected)) " · "
            (language.of("conexões ao banco", "connections to the database")) ": "
            (live.connections.used) "/" (live.connections.limit)
        }
    }
}

pub fn service_name(language: Language, service: &str) -> &str {
    match service {
        "catalog" => language.of("Catálogo", "Catalogue"),
        "storage" => language.of("Armazenamento", "Storage"),
        "index" => language.of("Índice", "Index"),
        other => other,
    }
}

fn badge(language: Language, breaker: &Breaker, is_live: bool) -> Markup {
    match breaker.state {
        // A breaker is closed until something fails, also that of a service that nobody has called.
        BreakerState::Closed if breaker.is_untried && is_live => {
            html! { span.badge { (language.of("ainda não consultado", "not asked yet")) } }
        }
        BreakerState::Closed if breaker.is_untried => {
            html! { span.badge { (language.of("não consultado", "not asked")) } }
        }
        BreakerState::Closed if is_live => html! { span.badge.good { (language.of("responde", "answers")) } },
        BreakerState::Closed => html! { span.badge.good { (language.of("respondeu", "answered")) } },
        BreakerState::HalfOpen => html! { span.badge.fair { (language.of("em teste", "on trial")) } },
        BreakerState::Open => html! { span.badge.bad { (language.of("fora do ar", "down")) } },
    }
}

fn longest(language: Language, live: &Live) -> Markup {
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (language.of("Diário", "Gazette")) }
                th scope="col" { (language.of("Arquivo", "File")) }
                th scope="col" { (language.of("Etapa", "Stage")) }
                th.number scope="col" { (language.of("Na etapa", "In stage")) }
                th.number scope="col" { (language.of("Ao todo", "In all")) }
            } }
            tbody { @for gazette in &live.longest {
                tr {
                    td { a href=(format!("/gazettes/{}", gazette.id)) { (gazette.id) } }
                    td.key { (gazette.key) }
                    td {
                        (stage_name(language, gazette.stage))
                        @if gazette.waiting { span.muted { " (" (language.of("espera", "waiting")) ")" } }
                    }
                    td.number { (words::time_span(language, gazette.seconds_in_stage)) }
                    td.number { (words::time_span(language, gazette.seconds)) }
                }
            } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RunRecord;
    use crate::gazette::GazetteId;
    use crate::telemetry::{InFlight, MemoryUse, RunCounts};

    fn shown(language: Language, live: &Live) -> String {
        let record = RunRecord::with_counts(live.counts.clone());
        let run = ShownRun { record, is_live: true, live: None, shown_seconds_ago: None };
        section(language, &run, live).0
    }

    #[test]
    fn a_run_that_has_read_nothing_yet_says_so() {
        let live = Live { counts: RunCounts { selected: 16, ..RunCounts::default() }, ..Live::default() };
        let page = shown(Language::Portuguese, &live);
        for words in ["ainda não começou", "Ainda não foi medida."] {
            assert!(page.contains(words), "no {words} in {page}");
        }
        let nothing = shown(Language::Portuguese, &Live::default());
        assert!(!nothing.contains("ainda não começou") && nothing.contains("nada a fazer"), "{nothing}");
    }

    #[test]
    fn a_service_that_was_not_called_is_not_said_to_answer() {
        let breakers = [true, false].map(|is_untried| Breaker { is_untried, ..Breaker::default() });
        let names = ["index".to_owned(), "storage".to_owned()];
        let live = Live { breakers: names.into_iter().zip(breakers).collect(), ..Live::default() };
        for (language, untried, tried) in [
            (
                Language::Portuguese,
                "ainda não consultado</span> <strong>Índice",
                "responde</span> <strong>Armazenamento",
            ),
            (Language::English, "not asked yet</span> <strong>Index", "answers</span> <strong>Storage"),
        ] {
            let page = shown(language, &live);
            assert!(page.contains(untried) && page.contains(tried), "{page}");
        }
        assert!(services(Language::Portuguese, &live, false).0.contains("\">não consultado</span> <strong>Índice"));
    }

    #[test]
    fn services_that_are_down_and_what_takes_longest_are_named() {
        let breaker =
            |state, openings, error: &str| Breaker { state, openings, error: error.into(), ..Breaker::default() };
        let live = Live {
            breakers: [
                ("catalog".into(), breaker(BreakerState::Closed, 0, "of before")),
                ("index".into(), breaker(BreakerState::Open, 2, "<b>refused")),
                ("storage".into(), breaker(BreakerState::HalfOpen, 1, "slow")),
            ]
            .into(),
            longest: vec![InFlight {
                id: GazetteId(7),
                key: "a/<i>.pdf".into(),
                stage: Stage::Ocr,
                waiting: true,
                seconds: 95.0,
                seconds_in_stage: 4.0,
            }],
            memory: MemoryUse {
                over_time: vec![(0, 1 << 20), (9, 80 << 20)],
                bound_bytes: 512 << 20,
                resident_bytes: 80 << 20,
                own_bytes: 50 << 20,
                children_bytes: vec![0, 30 << 20],
                ..MemoryUse::default()
            },
            ..Live::default()
        };
        let page = shown(Language::Portuguese, &live);
        for part in [
            "fora do ar</span> <strong>Índice</strong>",
            "fora do ar nesta execução: 2×",
            "&lt;b&gt;refused",
            "em teste</span> <strong>Armazenamento</strong>",
            "responde</span> <strong>Catálogo</strong>",
            "<a href=\"/gazettes/7\">7</a>",
            "a/&lt;i&gt;.pdf",
            "OCR<span class=\"muted\"> (espera)",
            "1m 35s",
            "prelo: 50,0 MiB · leitores: 30,0 MiB",
        ] {
            assert!(page.contains(part), "no {part} in {page}");
        }
        assert!(!page.contains("of before"), "what is over is no alarm: {page}");
    }
}
