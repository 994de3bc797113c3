//! Memory over time as a line, against its bound.

use maud::{Markup, html};

use super::words;
use crate::telemetry::MemoryUse;
use crate::web::language::Language;

/// In units of the drawing.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 12.0;
/// As wide as `1024 MiB` is.
const WORDS: f64 = 90.0;

/// The drawing, with its numbers in words for those who do not see it.
pub fn memory(language: Language, memory: &MemoryUse) -> Markup {
    let points = &memory.over_time;
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return html! {} };
    let peak = points.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    let top = peak.max(memory.bound_bytes).max(1);
    #[allow(clippy::cast_precision_loss)] // places on a screen
    let share = |value: u64, of: u64| value as f64 / of.max(1) as f64;
    let x = |seconds: u32| LEFT + (WIDTH - LEFT - 8.0) * share((seconds - first).into(), u64::from(last - first));
    let y = |bytes: u64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share(bytes, top);
    let line: Vec<String> =
        points.iter().map(|(seconds, bytes)| format!("{:.1},{:.1}", x(*seconds), y(*bytes))).collect();
    let area = format!("{:.1},{floor} {} {:.1},{floor}", x(*first), line.join(" "), x(*last), floor = HEIGHT - BOTTOM);
    // Above the line, where the words stand.
    let highest = points.iter().filter(|(seconds, _)| x(*seconds) > WIDTH - WORDS).map(|(_, bytes)| y(*bytes));
    let above = highest.fold(HEIGHT, f64::min) - 8.0;
    let amount = |bytes| words::megabytes(language, bytes);
    let bound = memory.bound_bytes;
    let sentence = match language {
        Language::Portuguese => {
            format!(
                "Memória ao longo do tempo: agora {}, pico {}, limite {}.",
                amount(memory.resident_bytes),
                amount(peak),
                amount(bound)
            )
        }
        Language::English => {
            format!(
                "Memory over time: now {}, peak {}, bound {}.",
                amount(memory.resident_bytes),
                amount(peak),
                amount(bound)
            )
        }
    };
    // Of a second or less there is no line.
    if first == last {
        return html! { p { (sentence) } };
    }
    html! {
        figure.chart {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(sentence) {
                line.axis x1=(LEFT) x2=(WIDTH - 8.0) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM) {}
                text x=(LEFT - 8.0) y=(HEIGHT - BOTTOM) text-anchor="end" { "0" }
                @if bound > 0 {
                    line.bound x1=(LEFT) x2=(WIDTH - 8.0) y1=(y(bound)) y2=(y(bound)) {}
                    text x=(LEFT - 8.0) y=(y(bound) + 4.0) text-anchor="end" { (amount(bound)) }
                    text.note x=(WIDTH - 8.0) y=(y(bound) + 15.0) text-anchor="end" { (language.of("limite", "bound")) }
                }
                polygon.area points=(area) {}
                polyline.line points=(line.join(" ")) {}
                text.note x=(x(*last)) y=(format!("{above:.1}")) text-anchor="end" {
                    (amount(memory.resident_bytes))
                }
                text x=(LEFT) y=(HEIGHT - 6.0) { (words::time_span(language, f64::from(*first))) }
                text x=(WIDTH - 8.0) y=(HEIGHT - 6.0) text-anchor="end" {
                    (words::time_span(language, f64::from(*last)))
                }
            }
            figcaption { (sentence) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_within_the_drawing() {
        let over_time = vec![(0, 10 << 20), (5, 700 << 20), (9, 80 << 20)];
        let bound_bytes = 512 << 20;
        let memory_use = MemoryUse { over_time, bound_bytes, resident_bytes: 80 << 20, ..MemoryUse::default() };
        let drawn = memory(Language::Portuguese, &memory_use).0;
        let points = drawn.split("polyline class=\"line\" points=\"").nth(1).unwrap().split('"').next().unwrap();
        for point in points.split(' ') {
            let (x, y) = point.split_once(',').unwrap();
            assert!(
                (LEFT..=WIDTH).contains(&x.parse().unwrap()) && (TOP..=HEIGHT).contains(&y.parse().unwrap()),
                "{point}"
            );
        }
        assert!(drawn.contains("pico 700 MiB, limite 512 MiB"), "{drawn}");
        assert_eq!(memory(Language::English, &MemoryUse::default()).0, "");
        let one = MemoryUse { over_time: vec![(3, 1)], ..MemoryUse::default() };
        assert!(!memory(Language::English, &one).0.contains("NaN"));
    }
}
