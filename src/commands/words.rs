//! What a person reads, in Portuguese where the environment asks for it (`LC_ALL`, `LC_MESSAGES`, `LANG`; the first that
//! says something), else in English. English is what the code, the log and programs use; a phrase that is not in the table
//! stays English.

use std::sync::OnceLock;

use crate::failure::FailureCode;
use crate::telemetry::asks_for_portuguese;

/// The phrase in the language of whoever reads it.
pub fn t(english: &'static str) -> &'static str {
    if is_portuguese() { portuguese(english) } else { english }
}

/// What a failure code means, and what to do.
pub fn code_words(code: FailureCode) -> (&'static str, &'static str) {
    if is_portuguese()
        && let Some((_, meaning, action)) = CODES.iter().find(|(word, ..)| *word == code.as_str())
    {
        return (meaning, action);
    }
    (code.sentence(), code.action())
}

fn is_portuguese() -> bool {
    static ASKED: OnceLock<bool> = OnceLock::new();
    *ASKED.get_or_init(asks_for_portuguese)
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
    ("Stopped in time for --until; the next run goes on.", "Parou a tempo de --until; a próxima execução continua."),
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

/// Code, what it means, what to do.
const CODES: &[(&str, &str, &str)] = &[
    ("UNKNOWN_TERRITORY", "O território da linha não está em `territories`.", "Inclua o território e execute de novo."),
    (
        "MISSING_FILE_PATH",
        "A linha não nomeia arquivo.",
        "Que o raspador preencha `file_path`; depois `prelo reprocess --failed MISSING_FILE_PATH`.",
    ),
    (
        "INVALID_FILE_PATH",
        "O `file_path` da linha não é um que o armazenamento possa ter.",
        "Corrija `file_path`; depois `prelo reprocess --failed INVALID_FILE_PATH`.",
    ),
    (
        "NOT_FOUND",
        "O arquivo não está no armazenamento.",
        "Verifique se o raspador o enviou exatamente com esta chave.",
    ),
    (
        "ACCESS_DENIED",
        "O armazenamento se recusa a entregar este arquivo.",
        "Verifique as permissões do objeto; os outros arquivos puderam ser lidos.",
    ),
    (
        "TOO_LARGE",
        "O arquivo é maior que o limite configurado.",
        "Aumente `max_file_size_mb` se for mesmo um diário; depois `prelo reprocess --failed TOO_LARGE`.",
    ),
    ("SIZE_MISMATCH", "O armazenamento enviou menos bytes do que anunciou.", "Se persistir, envie o arquivo de novo."),
    ("CHECKSUM", "O md5 do arquivo não é o do catálogo.", "Raspe o diário de novo, ou corrija `file_checksum`."),
    (
        "DOWNLOAD_TIMEOUT",
        "O download parou ou demorou demais.",
        "Olhe a rede; aumente `download_timeout_seconds` se o armazenamento é lento.",
    ),
    ("DOWNLOAD_FAILED", "O download falhou repetidamente.", "Olhe o detalhe e o log do armazenamento."),
    (
        "SPOOL_FULL",
        "A pasta de spool não pôde receber o arquivo.",
        "Libere espaço onde `spool` aponta, ou aponte para outro lugar.",
    ),
    ("EMPTY_OBJECT", "O arquivo não tem bytes.", "Raspe o diário de novo."),
    (
        "NOT_A_PDF",
        "O arquivo se chama .pdf e é outra coisa, muitas vezes uma página de erro.",
        "Leia o detalhe (os primeiros bytes) e raspe o diário de novo.",
    ),
    (
        "ERROR_PAGE",
        "O arquivo é uma página de erro ou de login do servidor de quem publica.",
        "Leia o detalhe (o que a página diz) e raspe o diário de novo.",
    ),
    ("UNSUPPORTED_FORMAT", "Nada aqui lê este tipo de arquivo.", "Converta-o para PDF ou texto."),
    (
        "PDF_DAMAGED",
        "O PDF está danificado sem conserto.",
        "Abra-o num visualizador; se estiver cortado, raspe o diário de novo.",
    ),
    (
        "FILE_DAMAGED",
        "O arquivo está danificado: o formato é conhecido, e não abre.",
        "Abra-o no programa que o fez; se estiver cortado, raspe o diário de novo.",
    ),
    (
        "NO_PAGES",
        "O PDF não tem páginas.",
        "Abra-o num visualizador; se também lá estiver vazio, raspe o diário de novo.",
    ),
    ("ENCRYPTED", "O arquivo pede uma senha.", "Peça a quem publica um arquivo sem senha."),
    (
        "NEEDS_OCR",
        "O arquivo não tem texto próprio: é uma digitalização, ou está em branco.",
        "Execute com `--ocr auto`, depois `prelo reprocess --failed NEEDS_OCR`; nunca é indexado vazio.",
    ),
    (
        "TEXT_GARBLED",
        "O arquivo tem texto ilegível: suas fontes não dizem que caracteres mostram.",
        "Execute com `--ocr auto`, depois `prelo reprocess --failed TEXT_GARBLED`.",
    ),
    (
        "NO_TEXT",
        "O OCR olhou as páginas e não achou texto: estão em branco, ou só mostram imagens.",
        "Abra-o num visualizador; se houver texto à vista, relate o caso com o arquivo.",
    ),
    (
        "OCR_UNAVAILABLE",
        "O arquivo é uma digitalização, e o OCR não pode ser usado.",
        "Instale-o (`prelo check` diz o que falta; no Debian: apt-get install tesseract-ocr tesseract-ocr-por) e execute de novo.",
    ),
    (
        "OCR_PARTIAL",
        "Páginas que o OCR não pôde ler: grandes demais, lentas demais, ou o programa terminou.",
        "Leia o detalhe; aumente `ocr_timeout_seconds` ou `ocr_megapixels`, depois `prelo reprocess --failed OCR_PARTIAL`.",
    ),
    (
        "OCR_LOW_CONFIDENCE",
        "O OCR duvida da maior parte do que leu.",
        "Olhe o arquivo: uma digitalização melhor ajudaria.",
    ),
    (
        "TEXT_PARTIAL",
        "Faltam partes do arquivo, e não há texto no que resta.",
        "Abra-o num visualizador; se estiver cortado, raspe o diário de novo.",
    ),
    (
        "LIMIT_DECOMPRESSED",
        "Algo no arquivo, descomprimido, passa do permitido.",
        "Olhe o arquivo; pode ter sido feito para causar dano.",
    ),
    (
        "LIMIT_MEMORY",
        "Ler o arquivo exige mais memória do que o permitido.",
        "Olhe o arquivo; pode ter sido feito para causar dano.",
    ),
    (
        "EXTRACTOR_PANICKED",
        "A leitura do arquivo esbarrou num defeito do prelo.",
        "Relate o caso com o arquivo; os outros diários não são afetados.",
    ),
    (
        "EXTRACTOR_ABORTED",
        "A leitura do arquivo derrubou o processo que o lia.",
        "Relate o caso com o arquivo; os outros diários não são afetados.",
    ),
    (
        "EXTRACTOR_EXITED",
        "O processo que lia o arquivo terminou sem resposta.",
        "Relate o caso com o arquivo; os outros diários não são afetados.",
    ),
    (
        "EXTRACTOR_GARBLED",
        "O processo que lia o arquivo respondeu algo sem sentido.",
        "Relate o caso com o arquivo; os outros diários não são afetados.",
    ),
    (
        "EXTRACTOR_KILLED",
        "O processo que lia o arquivo foi morto de fora.",
        "Veja se falta memória à máquina ou ao contêiner; se sim, diminua `memory_budget_mb`.",
    ),
    (
        "EXTRACTOR_SILENT",
        "A leitura do arquivo travou: nenhuma página terminou por muito tempo.",
        "Aumente `reader_silence_seconds` se a máquina estava ocupada; depois `prelo reprocess --failed EXTRACTOR_SILENT`.",
    ),
    (
        "EXTRACTION_TIMEOUT",
        "A leitura do arquivo demorou mais do que o permitido.",
        "Aumente `reader_timeout_seconds` se for mesmo um diário; depois `prelo reprocess --failed EXTRACTION_TIMEOUT`.",
    ),
    (
        "QUARANTINED",
        "A leitura do arquivo foi iniciada repetidas vezes, e a cada vez o próprio prelo terminou.",
        "Olhe o arquivo e a memória da máquina; depois `prelo reprocess --failed QUARANTINED`.",
    ),
    (
        "TEXT_STORE_FAILED",
        "O texto extraído não pôde ser guardado ao lado do arquivo.",
        "Verifique se o prelo pode escrever no bucket, ou ponha `store_text` em false.",
    ),
    (
        "DOC_TOO_LARGE",
        "O mecanismo de busca recusa um documento deste tamanho.",
        "Aumente `http.max_content_length` no mecanismo de busca; depois `prelo reprocess --failed DOC_TOO_LARGE`.",
    ),
    (
        "MAPPING_REJECTED",
        "O mecanismo de busca recusa um campo do documento.",
        "Leia o detalhe; compare o mapeamento do índice com o do prelo.",
    ),
    (
        "INDEX_REJECTED",
        "O mecanismo de busca estava ocupado demais para este documento, repetidamente.",
        "Dê mais espaço ao mecanismo de busca, ou diminua `bulk_documents` e `bulk_concurrency`.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_words_and_names_the_same_commands() {
        for code in FailureCode::ALL {
            let of_code: Vec<_> = CODES.iter().filter(|(word, ..)| *word == code.as_str()).collect();
            let [(_, meaning, action)] = of_code.as_slice() else { panic!("{code}: {} times", of_code.len()) };
            assert!(meaning.ends_with('.') && action.ends_with('.'), "{code} wants whole sentences");
            let quoted = |text: &str| -> Vec<String> {
                let mut quoted: Vec<String> = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
                quoted.sort();
                quoted
            };
            assert_eq!(quoted(action), quoted(code.action()), "{code}");
        }
        assert!(CODES.iter().all(|(word, ..)| FailureCode::parse(word).is_some()));
    }

    #[test]
    fn phrases_are_there_once_and_keep_their_gaps() {
        for (n, (english, portuguese)) in PHRASES.iter().enumerate() {
            assert!(PHRASES[..n].iter().all(|(other, _)| other != english), "{english} twice");
            assert_eq!(english.matches('{').count(), portuguese.matches('{').count(), "{english}");
        }
    }
}
