//! What a person reads, in Portuguese where the environment asks for it (`LC_ALL`, `LC_MESSAGES`, `LANG`; the first that
//! says something), else in English. English is what the code, the log and programs use; a phrase that is not in the table
//! stays English.

use std::cell::Cell;
use std::sync::OnceLock;

use crate::failure::FailureCode;
use crate::telemetry::asks_for_portuguese;

/// The phrase in the language of whoever reads it.
pub fn t(english: &'static str) -> &'static str {
    if is_portuguese() { portuguese(english) } else { english }
}

/// What a failure code means, and what to do.
pub fn code_words(code: FailureCode) -> (&'static str, &'static str) {
    if is_portuguese() { code.in_portuguese() } else { (code.sentence(), code.action()) }
}

/// Tells something to somebody who is not the one at this terminal: the visitor of a page has a language of their own.
pub fn in_language<T>(portuguese: bool, tell: impl FnOnce() -> T) -> T {
    let before = VISITOR.replace(Some(portuguese));
    let told = tell();
    VISITOR.set(before);
    told
}

thread_local! {
    /// Whether what this thread tells at the moment is to be Portuguese; `None` is for the environment to say.
    static VISITOR: Cell<Option<bool>> = const { Cell::new(None) };
}

fn is_portuguese() -> bool {
    static ASKED: OnceLock<bool> = OnceLock::new();
    VISITOR.get().unwrap_or_else(|| *ASKED.get_or_init(asks_for_portuguese))
}

fn portuguese(english: &'static str) -> &'static str {
    PHRASES.iter().find(|(phrase, _)| *phrase == english).map_or(english, |(_, phrase)| phrase)
}

/// English and Portuguese.
const PHRASES: &[(&str, &str)] = &[
    // states and numbers
    ("gazette", "diário"),
    ("gazettes", "diários"),
    ("processed", "processados"),
    ("pending", "pendente"),
    ("claimed", "reservado"),
    ("started", "iniciado"),
    ("indexed", "indexado"),
    ("failed", "falhou"),
    ("in work", "em andamento"),
    ("to be retried", "a tentar de novo"),
    ("not retried", "sem nova tentativa"),
    ("quarantined", "em quarentena"),
    ("oldest pending", "pendente mais antigo"),
    ("expected end", "término previsto"),
    ("waiting", "à espera"),
    ("failures", "falhas"),
    ("last runs", "últimas execuções"),
    ("about ", "cerca de "),
    ("from ", "a partir de "),
    ("lane", "fila"),
    ("files as they are", "arquivos com texto"),
    ("scans (OCR)", "digitalizações (OCR)"),
    ("rate", "ritmo"),
    ("time", "tempo"),
    ("unknown", "desconhecido"),
    ("pages", "páginas"),
    ("took", "duração"),
    ("selected", "selecionados"),
    ("ended", "fim"),
    ("finished", "terminado"),
    ("run", "execução"),
    ("selection", "seleção"),
    ("skipped", "pulados"),
    ("remaining", "restantes"),
    ("read", "lido"),
    ("docs/s", "docs/s"),
    ("OCR pages/s", "págs. OCR/s"),
    ("done", "concluída"),
    ("running", "em execução"),
    ("peak memory", "pico de memória"),
    ("set aside", "separados"),
    ("size", "tamanho"),
    ("memory", "memória"),
    ("not registered yet", "ainda não registrados"),
    ("failed before", "falharam antes"),
    ("failures in the whole catalogue", "falhas em todo o catálogo"),
    // one gazette
    ("territory", "território"),
    ("not in `territories`", "não está em `territories`"),
    ("date", "data"),
    ("edition", "edição"),
    ("file", "arquivo"),
    ("text", "texto"),
    ("yes", "sim"),
    ("no", "não"),
    ("state", "estado"),
    ("pending: no run has taken it up yet", "pendente: nenhuma execução o tomou ainda"),
    ("failure", "falha"),
    ("detail", "detalhe"),
    ("meaning", "significado"),
    ("to do", "o que fazer"),
    ("next attempt", "próxima tentativa"),
    ("failures in a row", "falhas seguidas"),
    ("starts", "inícios"),
    ("pages by OCR", "páginas por OCR"),
    ("waiting for OCR", "à espera de OCR"),
    ("waits for OCR", "espera OCR"),
    ("warnings", "avisos"),
    ("characters", "caracteres"),
    ("quality", "qualidade"),
    ("extractor", "extrator"),
    ("indexed at", "indexado em"),
    ("last run", "última execução"),
    ("held by run", "em posse da execução"),
    ("held until", "até"),
    ("in the index", "no índice"),
    ("written {at} by run {run}", "escrito em {at} pela execução {run}"),
    ("which ones is not known", "não se sabe quais"),
    ("confidence", "confiança"),
    ("attempts", "tentativas"),
    ("when", "quando"),
    ("what came out", "resultado"),
    ("download", "download"),
    ("reading", "leitura"),
    ("storing", "gravação"),
    ("index", "índice"),
    ("source", "origem"),
    ("text of the file", "texto do arquivo"),
    ("none", "nenhuma"),
    ("code", "código"),
    // sentences
    ("Nothing here yet. Begin with: prelo run --folder DIR", "Nada aqui ainda. Comece com: prelo run --folder PASTA"),
    ("Nothing is set aside.", "Nada foi separado."),
    ("No run yet.", "Nenhuma execução ainda."),
    ("One by one: prelo failures --code CODE", "Um a um: prelo failures --code CÓDIGO"),
    (
        "There may be more: --limit N. What to do about each code: prelo status",
        "Pode haver mais: --limit N. O que fazer com cada código: prelo status",
    ),
    (
        "What to do about each code: prelo status. One gazette: prelo explain ID",
        "O que fazer com cada código: prelo status. Um diário: prelo explain ID",
    ),
    (
        " Later runs try again, ever more rarely, and not for ever.",
        " Execuções futuras tentam de novo, cada vez mais raramente, e não para sempre.",
    ),
    (" Later runs try again.", " Execuções futuras tentam de novo."),
    ("To try them again: prelo reprocess --failed any", "Para tentar de novo: prelo reprocess --failed any"),
    ("Next: ", "A seguir: "),
    ("Stopped by a signal; run again to go on.", "Interrompida por um sinal; execute de novo para continuar."),
    (
        "Stopped in time, as --until or --for says; the next run goes on.",
        "Parou a tempo, como diz --until ou --for; a próxima execução continua.",
    ),
    (
        "Stopped: another run took the lease over. Nothing was marked that is not indexed.",
        "Interrompida: outra execução assumiu. Nada foi marcado sem estar indexado.",
    ),
    (
        "Nothing was marked that is not indexed. `prelo check` tells more; then run again.",
        "Nada foi marcado sem estar indexado. `prelo check` diz mais; depois execute de novo.",
    ),
    ("Stopped: ", "Interrompida: "),
    ("Stopped by a defect of prelo: ", "Interrompida por um defeito do prelo: "),
    ("Nothing to do: the selection holds no gazette.", "Nada a fazer: a seleção não tem nenhum diário."),
    (
        "Nothing found. Fewer or other words may help; all of them must occur.",
        "Nada encontrado. Menos palavras, ou outras, podem ajudar; todas precisam ocorrer.",
    ),
    ("territory unknown", "território desconhecido"),
    ("date unknown", "data desconhecida"),
    ("unknown before a first run", "desconhecido antes de uma primeira execução"),
    ("unknown: the storage did not tell", "desconhecido: o armazenamento não disse"),
    (
        "their attempts are spent; `prelo reprocess --failed any` tries once more",
        "as tentativas se esgotaram; `prelo reprocess --failed any` tenta mais uma vez",
    ),
    (
        "prelo died while reading these; `prelo reprocess --failed QUARANTINED` reads them again",
        "o prelo morreu ao lê-los; `prelo reprocess --failed QUARANTINED` os lê de novo",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_there_once_and_keep_their_gaps() {
        for (n, (english, portuguese)) in PHRASES.iter().enumerate() {
            assert!(PHRASES[..n].iter().all(|(other, _)| other != english), "{english} twice");
            assert_eq!(english.matches('{').count(), portuguese.matches('{').count(), "{english}");
        }
    }
}
