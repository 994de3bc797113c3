//! What a person reads, in Portuguese where the environment asks for it (`LC_ALL`, `LC_MESSAGES`, `LANG`; the first that
//! says something), else in English. English is what the code, the log and programs use; a phrase that is not in the table
//! stays English.

use std::cell::Cell;
use std::fmt::Display;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

mod help;

/// The phrase in the language of whoever reads it.
#[must_use]
pub fn t(english: &'static str) -> &'static str {
    if is_portuguese() { portuguese(english).unwrap_or(english) } else { english }
}

/// The same of a phrase that was put together elsewhere; `None` where there is nothing to be put in its place.
#[must_use]
pub fn translated(english: &str) -> Option<&'static str> {
    if is_portuguese() { portuguese(english) } else { None }
}

/// One of two phrases, where both stand elsewhere.
#[must_use]
pub fn either<'a>(portuguese: &'a str, english: &'a str) -> &'a str {
    if is_portuguese() { portuguese } else { english }
}

/// The phrase with values in place of the names in braces that stand in it. What stands in a value is left alone.
#[must_use]
pub fn told(english: &'static str, values: &[(&str, &dyn Display)]) -> String {
    let (mut text, mut rest) = (String::new(), t(english));
    while let Some((before, name, after)) = rest
        .split_once('{')
        .and_then(|(before, after)| after.split_once('}').map(|(name, after)| (before, name, after)))
    {
        text.push_str(before);
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            text.push_str(&value.to_string());
        }
        rest = after;
    }
    text + rest
}

/// `1,234,567`, or `1.234.567`.
#[must_use]
pub fn number(count: u64) -> String {
    grouped(&count.to_string())
}

/// `1,234.5`, or `1.234,5`.
#[must_use]
pub fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}{}{fraction}", grouped(whole), either(",", ".")),
        None => grouped(&text),
    }
}

/// Digits in threes, behind a sign or not.
fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if (digits.len() - place).is_multiple_of(3) && grouped.ends_with(|before: char| before.is_ascii_digit()) {
            grouped.push_str(either(".", ","));
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 gazette`, `2 gazettes`.
#[must_use]
pub fn gazettes(count: u64) -> String {
    format!("{} {}", number(count), t(if count == 1 { "gazette" } else { "gazettes" }))
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

/// Whether the environment asks for Portuguese, for as long as the process lives. Tests of the library read English,
/// wherever they are run.
static ASKED: LazyLock<bool> = LazyLock::new(|| !cfg!(test) && says_portuguese(|name| std::env::var(name).ok()));

/// Whether a program reads it.
static FOR_PROGRAMS: AtomicBool = AtomicBool::new(false);

/// Whoever reads it is a program: English from now on, whatever the environment asks for.
pub fn for_programs() {
    FOR_PROGRAMS.store(true, Ordering::Relaxed);
}

/// What others have named, without what would steer a terminal.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Whether what is told now is to be Portuguese.
#[must_use]
pub fn is_portuguese() -> bool {
    VISITOR.get().unwrap_or_else(|| *ASKED && !FOR_PROGRAMS.load(Ordering::Relaxed))
}

fn says_portuguese(variable: impl Fn(&str) -> Option<String>) -> bool {
    let said = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|word| !word.is_empty());
    said.is_some_and(|word| word.to_lowercase().starts_with("pt"))
}

/// What is said of one gazette, or of one thing else, where Portuguese has another word for many.
#[must_use]
pub fn t_one(english: &'static str) -> &'static str {
    match ONE.iter().find(|(phrase, _)| *phrase == english) {
        Some((_, portuguese)) if is_portuguese() => portuguese,
        _ => t(english),
    }
}

/// As [`PHRASES`], of one.
const ONE: &[(&str, &str)] = &[
    ("pending", "pendente"),
    ("processed", "processado"),
    ("claimed", "reservado"),
    ("started", "iniciado"),
    ("indexed", "indexado"),
    ("failed", "falhou"),
    ("none", "nenhum"),
];

fn portuguese(english: &str) -> Option<&'static str> {
    PHRASES.iter().chain(help::PHRASES).find(|(phrase, _)| *phrase == english).map(|(_, portuguese)| *portuguese)
}

/// English and Portuguese.
const PHRASES: &[(&str, &str)] = &[
    // states and numbers
    ("gazette", "diário"),
    ("gazettes", "diários"),
    ("processed", "processados"),
    ("pending", "pendentes"),
    ("started", "início"),
    ("indexed", "indexados"),
    ("failed", "falharam"),
    ("{n} of them in work", "{n} em andamento"),
    ("{n} of them being read again", "{n} sendo lidos de novo agora"),
    ("to be retried", "a tentar de novo"),
    ("not retried", "sem nova tentativa"),
    ("quarantined", "em quarentena"),
    ("oldest pending", "pendente mais antigo"),
    ("expected end", "término previsto"),
    ("not known before a run has measured it", "não se sabe antes que uma execução o tenha medido"),
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
    ("page", "página"),
    ("pages", "páginas"),
    ("not there any more", "não está mais lá"),
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
    ("peak memory", "pico de memória"),
    ("set aside", "separados"),
    ("size", "tamanho"),
    ("memory", "memória"),
    ("not registered yet", "ainda não registrados"),
    ("failed before", "falharam antes"),
    ("failures in the whole catalogue", "falhas em todo o catálogo"),
    ("{year}-{month}-{day}", "{day}/{month}/{year}"),
    // the bars of a run
    ("{n} files of the folder compared", "{n} arquivos da pasta comparados"),
    ("{done}/{all} pages", "{done}/{all} págs."),
    ("pages/s", "págs./s"),
    ("{n} scans wait", "{n} digitalizações à espera"),
    ("{span} downloading {file}", "{span} baixando {file}"),
    ("{span} reading {file}", "{span} lendo {file}"),
    ("{span} OCR of {file}", "{span} OCR de {file}"),
    ("{span} storing {file}", "{span} gravando {file}"),
    ("{span} indexing {file}", "{span} indexando {file}"),
    // one gazette
    ("territory", "território"),
    ("not in `territories`", "não está em `territories`"),
    ("date", "data"),
    ("edition", "edição"),
    ("file", "arquivo"),
    ("text", "texto"),
    ("yes", "sim"),
    ("no", "não"),
    (
        "another `prelo reindex` is at work on this index: leave it to that one",
        "outro `prelo reindex` está trabalhando neste índice: deixe que ele termine",
    ),
    (
        "It was in its place already when this one came to it: perhaps another `prelo reindex` was at work, too. \
         `prelo verify --quick` says whether all is well.",
        "Ela já estava em uso quando este chegou a trocá-la: talvez outro `prelo reindex` também estivesse trabalhando. \
         `prelo verify --quick` diz se está tudo bem.",
    ),
    (
        "{version} is being filled: finish it with `prelo reindex`, or give it up with --cancel",
        "{version} está sendo preenchida: termine com `prelo reindex`, ou desista com --cancel",
    ),
    (
        "going back to {version} was begun: finish it with --rollback, or --cancel",
        "a volta a {version} foi iniciada: termine com --rollback, ou desista com --cancel",
    ),
    (
        "there is no version to go back to: a version is kept until the next `prelo reindex`, or --drop-old",
        "não há versão a que voltar: uma versão é guardada até o próximo `prelo reindex`, ou até --drop-old",
    ),
    (
        "{documents} documents are in the new version, {before} in the one that is searched, and the catalogue knows \
         {gazettes} gazettes to be indexed; `prelo verify` names what does not agree, and --accept-fewer lets the new \
         version take its place all the same",
        "a nova versão tem {documents} documentos, a que está em uso tem {before}, e para o catálogo há {gazettes} diários \
         indexados; `prelo verify` diz o que não confere, e --accept-fewer põe a nova versão em uso mesmo assim",
    ),
    ("reason", "motivo"),
    ("what stopped the last one: {detail}", "o que parou a última: {detail}"),
    (
        "not known: the index cannot be asked, `prelo check` says why",
        "não se sabe: o índice não pode ser consultado, `prelo check` diz por quê",
    ),
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
    ("OCR pages kept", "páginas de OCR guardadas"),
    ("waiting for OCR", "à espera de OCR"),
    ("waits for OCR", "espera OCR"),
    ("cut off: {pages} of {due} pages read", "interrompida: {pages} de {due} páginas lidas"),
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
    ("{span} left", "restam {span}"),
    (
        "{removed}, which --rollback was bringing up to date, was removed: there is no way back to it.",
        "{removed}, que --rollback estava pondo em dia, foi removida: não há mais volta a ela.",
    ),
    // sentences
    (
        "--until {time} passed {minutes} minutes ago: name a later time; if tomorrow is meant, say how long: --for {hours}h{rest}m",
        "--until {time} passou há {minutes} minutos: indique uma hora mais tarde; se é amanhã, diga quanto tempo: --for {hours}h{rest}m",
    ),
    ("Nothing here yet: there is no catalogue at {path}.", "Nada aqui ainda: não há catálogo em {path}."),
    ("a folder", "uma pasta"),
    ("servers", "servidores"),
    ("elsewhere", "outro lugar"),
    ("prelo run --folder DIR", "prelo run --folder PASTA"),
    (
        "give --data DIR, or change into the folder that holds prelo-data",
        "dê --data PASTA, ou entre na pasta em que está prelo-data",
    ),
    ("{n} lines; there may be more: --limit N", "{n} linhas; pode haver mais: --limit N"),
    (
        "set PRELO_CATALOG, PRELO_STORAGE and PRELO_INDEX, or give --env-file FILE; then prelo check",
        "defina PRELO_CATALOG, PRELO_STORAGE e PRELO_INDEX, ou dê --env-file ARQUIVO; depois prelo check",
    ),
    ("Nothing is set aside of what was asked for.", "Nada está separado do que foi pedido."),
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
        "Nothing found. Is it the right territory? `--totals` counts by territory; or fewer words may help.",
        "Nada encontrado. O território é esse mesmo? `--totals` conta por território; ou menos palavras podem ajudar.",
    ),
    (
        "Nothing found. Other filters or fewer words may help; all of them must hold.",
        "Nada encontrado. Outros filtros ou menos palavras podem ajudar; tudo precisa valer.",
    ),
    (
        "Nothing found. Fewer or other words may help; all of them must occur.",
        "Nada encontrado. Menos palavras, ou outras, podem ajudar; todas precisam ocorrer.",
    ),
    ("Territory: {name}, id {id}", "Território: {name}, id {id}"),
    (
        "No territory is called {typed}: it is taken for an id.",
        "Nenhum território se chama {typed}: é tomado por um id.",
    ),
    (
        "no territory is called {typed}; near it are: {near}",
        "nenhum território se chama {typed}; parecidos são: {near}",
    ),
    (
        "{typed} is the name of more than one territory: {several}; add the state, or give the id",
        "{typed} é o nome de mais de um território: {several}; acrescente o estado, ou dê o id",
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
    ("document", "documento"),
    ("tomorrow", "amanhã às"),
    ("Ends by {moment}, in {span} at most.", "Termina até {moment}, em no máximo {span}."),
    ("at work since {since} (run {run})", "em execução desde {since} (execução {run})"),
    ("nothing is to be seen of it yet", "ainda não há nada a ver"),
    ("it claims nothing more: what is in flight is finished", "não toma mais nada: termina o que está em andamento"),
    (
        "Another run holds the lease since {since} (run {run}); nothing was done.",
        "Outra execução está em andamento desde {since} (execução {run}); nada foi feito.",
    ),
    (
        "{n} text files lie beside PDFs of the same name and are taken for their texts, not for gazettes",
        "{n} arquivos de texto estão ao lado de PDFs do mesmo nome e são tomados por seus textos, não por diários",
    ),
    (
        "vanished from the folder; what was indexed of it stays searchable",
        "sumiu da pasta; o que dele foi indexado continua na busca",
    ),
    ("described by gazettes.csv, and not in the folder", "descrito em gazettes.csv, mas não está na pasta"),
    ("left out", "deixado de fora"),
    ("… and {n} more", "… e mais {n}"),
    ("Nothing to do: {done} of {all} indexed", "Nada a fazer: {done} de {all} indexados"),
    (", {n} set aside", ", {n} separados"),
    ("from {next}; given up after {n} failures in a row", "a partir de {next}; desiste após {n} falhas seguidas"),
    ("from {next}", "a partir de {next}"),
    (
        "from {next}: it was to be read again and is not yet",
        "a partir de {next}: devia ser lido de novo e ainda não foi",
    ),
    ("none: the attempts are spent", "nenhuma: as tentativas se esgotaram"),
    ("none: it is quarantined", "nenhuma: está em quarentena"),
    ("not by itself", "não por si só"),
    (
        "another file, a newer extractor or `prelo reprocess --failed {code}` brings it back",
        "outro arquivo, um extrator mais novo ou `prelo reprocess --failed {code}` o trazem de volta",
    ),
    ("1, under way", "1, em andamento"),
    (
        "{n}, the last of them under way; prelo died during the others",
        "{n}, o último em andamento; o prelo morreu durante os outros",
    ),
    ("{n} without an end: prelo died meanwhile", "{n} sem fim: o prelo morreu no meio"),
    ("one gazette is read at a time", "um diário é lido por vez"),
    ("{n} gazettes are read at once", "{n} diários são lidos ao mesmo tempo"),
    (
        "{readers}, each with up to {heap} of heap; {texts} for texts on their way; {spool} of files in the spool; no file above {largest}",
        "{readers}, cada um com até {heap} de memória; {texts} para textos a caminho; {spool} de arquivos no spool; nenhum arquivo acima de {largest}",
    ),
    ("no.", "nº"),
    ("other territories", "outros territórios"),
    ("1 gazette found", "1 diário encontrado"),
    ("{n} gazettes found", "{n} diários encontrados"),
    (", {n} shown", ", {n} mostrados"),
    (
        "{word} is no failure code: `prelo status` shows those that there are",
        "{word} não é um código de falha: `prelo status` mostra os que há",
    ),
    (
        "there is no gazette {id} in the catalogue: `prelo status` tells what there is",
        "não há o diário {id} no catálogo: `prelo status` diz o que há",
    ),
    (
        "no run has an id that begins with {id}: `prelo runs` lists them",
        "nenhuma execução tem um id que começa com {id}: `prelo runs` as lista",
    ),
    (
        "more than one run has an id that begins with {id}: `prelo runs` lists them",
        "mais de uma execução tem um id que começa com {id}: `prelo runs` as lista",
    ),
    (
        "there is no catalogue yet, and so no text: `prelo run` comes first",
        "ainda não há catálogo, e por isso nenhum texto: antes vem `prelo run`",
    ),
    ("{removed}, which was being filled, was removed.", "{removed}, que estava sendo preenchida, foi removida."),
    ("No version is being filled: nothing was removed.", "Nenhuma versão está sendo preenchida: nada foi removido."),
    (
        "{removed}, which was kept for --rollback, was removed: there is no way back to it.",
        "{removed}, que estava guardada para --rollback, foi removida: não há mais volta a ela.",
    ),
    (
        "No version is kept for --rollback: nothing was removed.",
        "Nenhuma versão está guardada para --rollback: nada foi removido.",
    ),
    (" {searched} is searched as before.", " A busca continua em {searched}, como antes."),
    (" To fill another version: prelo reindex", " Para preencher outra versão: prelo reindex"),
    ("cannot be read", "não pode ser lido"),
    ("version", "versão"),
    ("gazettes indexed, by the catalogue", "diários indexados, segundo o catálogo"),
    ("documents written", "documentos escritos"),
    ("documents in it", "documentos nela"),
    ("documents in the one before", "documentos na anterior"),
    ("stored texts missing", "textos guardados que faltam"),
    ("refused", "recusados"),
    ("Removed {removed}, which was kept from the time before.", "Removida {removed}, que estava guardada de antes."),
    ("no stored text: {gazette}", "sem texto guardado: {gazette}"),
    (
        "What has no stored text is read again by: prelo verify --repair, then prelo run",
        "O que não tem texto guardado é lido de novo com: prelo verify --repair, depois prelo run",
    ),
    ("refused first: {why}", "a primeira recusa: {why}"),
    ("{version} is searched again.", "A busca está de novo em {version}."),
    ("{version} is searched now.", "A busca agora está em {version}."),
    (
        "{before} is kept. Back to it: prelo reindex --rollback. Without it: prelo reindex --drop-old",
        "{before} fica guardada. De volta a ela: prelo reindex --rollback. Sem ela: prelo reindex --drop-old",
    ),
    ("Stopped.", "Interrompida."),
    (
        "The index is as it was. To go on where it stopped: prelo reindex. To give it up: prelo reindex --cancel",
        "O índice está como era. Para continuar de onde parou: prelo reindex. Para desistir: prelo reindex --cancel",
    ),
    ("{version} was not put in its place{why}.", "{version} não tomou o lugar da anterior{why}."),
    (
        "The index is as it was. To go on after a repair: prelo reindex. To give the new version up: prelo reindex --cancel",
        "O índice está como era. Para continuar depois de um reparo: prelo reindex. Para desistir da nova versão: prelo reindex --cancel",
    ),
    ("rows marked as processed", "linhas marcadas como processadas"),
    ("of those, by another service", "dessas, por outro serviço"),
    ("passed over, in work just now", "deixadas de lado, em andamento agora"),
    ("files asked for", "arquivos consultados"),
    ("texts read", "textos lidos"),
    ("documents in the index", "documentos no índice"),
    ("findings", "achados"),
    ("made pending", "tornados pendentes"),
    ("removed from the index", "removidos do índice"),
    (
        "The catalogue says that it is indexed, and the index does not hold it.",
        "O catálogo diz que está indexado, e o índice não o tem.",
    ),
    (
        "The index holds the text of another file than the catalogue names.",
        "O índice tem o texto de outro arquivo que não o do catálogo.",
    ),
    ("The index holds the gazette twice.", "O índice tem o diário duas vezes."),
    (
        "The index holds a document of which the catalogue has no row.",
        "O índice tem um documento de que o catálogo não tem linha.",
    ),
    ("The storage has no file under the key of the row.", "O armazenamento não tem arquivo com a chave da linha."),
    ("The storage has no text for the file.", "O armazenamento não tem o texto do arquivo."),
    ("The stored text is not the one that was indexed.", "O texto guardado não é o que foi indexado."),
    ("The storage is there, and does not hand this one out.", "O armazenamento responde, mas não entrega este."),
    ("it is pending again; `prelo run` reads it", "está pendente de novo; `prelo run` o lê"),
    (
        "bring the file back under this key; `prelo verify --repair` makes it pending",
        "traga o arquivo de volta com esta chave; `prelo verify --repair` o torna pendente",
    ),
    (
        "`prelo verify --repair` makes it pending, then `prelo run` reads it",
        "`prelo verify --repair` o torna pendente, depois `prelo run` o lê",
    ),
    ("it was removed from the index", "foi removido do índice"),
    (
        "`prelo verify --repair --delete-orphans` removes it from the index",
        "`prelo verify --repair --delete-orphans` o remove do índice",
    ),
    (
        "prelo did not write it; remove it by hand when nobody needs it",
        "não foi o prelo que o escreveu; remova-o à mão quando ninguém precisar dele",
    ),
    (
        "check the permissions of this one file; it is left as it is",
        "confira as permissões deste arquivo; ele fica como está",
    ),
    (
        "Nothing was removed: more than half of the index has no row. Is this the catalogue of this index? If it is, remove the index and run `prelo verify --repair`, then `prelo run`.",
        "Nada foi removido: mais da metade do índice não tem linha. Este é o catálogo deste índice? Se é, remova o índice e execute `prelo verify --repair`, depois `prelo run`.",
    ),
    ("The rest was not looked at.", "O resto não foi visto."),
    (
        "Stopped: another run took the lease over. The rest was not looked at.",
        "Interrompida: outra execução assumiu. O resto não foi visto.",
    ),
    ("Stopped by a signal; the rest was not looked at.", "Interrompida por um sinal; o resto não foi visto."),
    (
        "Catalogue and index agree; the storage was not asked.",
        "Catálogo e índice concordam; o armazenamento não foi consultado.",
    ),
    ("Catalogue, storage and index agree.", "Catálogo, armazenamento e índice concordam."),
    ("Next: prelo run", "A seguir: prelo run"),
    ("All of it was put right.", "Tudo foi corrigido."),
    ("What is left is named above, with what to do.", "O que resta está dito acima, com o que fazer."),
    (
        "What to do is said beside each. Most of it, for all of them: prelo verify --repair, then prelo run",
        "O que fazer está ao lado de cada um. A maior parte, de uma vez: prelo verify --repair, depois prelo run",
    ),
    ("The tables are up to date.", "As tabelas estão em dia."),
    ("applied", "aplicada"),
    ("setting", "configuração"),
    ("value", "valor"),
    ("from", "de onde vem"),
    ("prelo is at {url}  (end with Ctrl-C)", "o prelo está em {url}  (termine com Ctrl-C)"),
    (
        "reached; prelo's tables are not there yet: `prelo migrate` or the first run makes them",
        "alcançado; as tabelas do prelo ainda não existem: `prelo migrate` ou a primeira execução as cria",
    ),
    (
        "reached; the tables are those of an older prelo: `prelo migrate` or the next run brings them up to date",
        "alcançado; as tabelas são de um prelo mais antigo: `prelo migrate` ou a próxima execução as atualiza",
    ),
    ("processes that read documents", "processos que leem documentos"),
    ("this machine", "esta máquina"),
    ("lines for prelo.toml, for three loads: see below", "linhas para prelo.toml, para três cargas: veja abaixo"),
    ("NOT OK", "FALHA"),
    ("off: scans are set aside as NEEDS_OCR", "desligado: digitalizações são separadas como NEEDS_OCR"),
    ("no file system", "sem sistema de arquivos"),
    (
        "NOT kept from the file system (this kernel lacks Landlock: Linux 5.13 or newer, enabled)",
        "NÃO isolado do sistema de arquivos (falta a este kernel o Landlock: Linux 5.13 ou mais novo, ativado)",
    ),
    ("no network", "sem rede"),
    ("NOT kept from the network (this kernel lacks seccomp)", "NÃO isolado da rede (falta a este kernel o seccomp)"),
    ("the others of this machine keep their cores", "os outros desta máquina ficam com seus núcleos"),
    ("a core in four is left to others", "um núcleo em quatro fica para os outros"),
    ("every core reads", "todos os núcleos leem"),
    ("there is one core", "há um só núcleo"),
    ("within the container's {size}", "dentro dos {size} do contêiner"),
    ("within the machine's {size}", "dentro dos {size} da máquina"),
    ("how much memory there is cannot be seen here", "quanta memória há não se vê daqui"),
    ("the least there is; {size} are too few for it", "o mínimo que há; {size} não bastam"),
    (
        "the container allows {given}, and reading gazettes takes {least}: raise the container's limit",
        "o contêiner permite {given}, e ler diários exige {least}: aumente o limite do contêiner",
    ),
    (
        " ({n} pages wait for OCR, and a picture of a page takes about 100 MiB)",
        " ({n} páginas esperam OCR, e a imagem de uma página ocupa cerca de 100 MiB)",
    ),
    ("memory is enough for {fit}, of {n} cores", "a memória basta para {fit}, de {n} núcleos"),
    ("{n} core", "{n} núcleo"),
    ("{n} cores", "{n} núcleos"),
    ("{heap} MiB of heap for each reader{whose}, {within}", "{heap} MiB de memória para cada leitor{whose}, {within}"),
    ("two on their way for each that is read", "dois a caminho para cada um que é lido"),
    ("files of this machine are there at once", "arquivos desta máquina estão logo à mão"),
    (
        "gazettes of a bulk; more of them wait for one another",
        "diários por lote; mais que isso esperam uns pelos outros",
    ),
    (
        "a twelfth of the {size} MiB for texts, each of which is there three times",
        "um doze avos dos {size} MiB para textos, cada um dos quais existe três vezes",
    ),
    (
        "one for each bulk and each that is read, and three for the run itself",
        "uma para cada lote e cada leitura, e três para a própria execução",
    ),
    (
        "rows of a page; with such a backlog the catalogue is asked less often",
        "linhas de uma página; com tantos pendentes o catálogo é consultado menos vezes",
    ),
    ("rows of a page; that is plenty for this backlog", "linhas de uma página; basta para estes pendentes"),
    ("bulks that the search engine works at", "lotes em que o mecanismo de busca trabalha"),
    (
        "# this machine: {cores}, memory {memory}, container's bound {limit}",
        "# esta máquina: {cores}, memória {memory}, limite do contêiner: {limit}",
    ),
    ("# to do: {pending} pending, {pages} pages for OCR", "# a fazer: {pending} pendentes, {pages} páginas para OCR"),
    (
        "# to do: not known before `prelo migrate` or the first run",
        "# a fazer: não se sabe antes de `prelo migrate` ou da primeira execução",
    ),
    (
        "# too small: reading gazettes takes {least} MiB; with less the kernel may end a run",
        "# pouco demais: ler diários exige {least} MiB; com menos, o kernel pode encerrar uma execução",
    ),
    ("low load", "carga baixa"),
    ("middle load", "carga média"),
    ("high load", "carga alta"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses_the_language() {
        for (said, portuguese) in [
            (&[][..], false),
            (&[("LANG", "pt_BR.UTF-8")], true),
            (&[("LANG", "pt_BR.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "C.UTF-8"), ("LC_MESSAGES", "pt_PT")], true),
            (&[("LANG", "pt_BR"), ("LC_ALL", "")], true),
            (&[("LANG", "en_US.UTF-8")], false),
        ] {
            let variable =
                |name: &str| said.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(says_portuguese(variable), portuguese, "{said:?}");
        }
    }

    #[test]
    fn values_are_put_in_and_what_stands_in_them_stays() {
        let text = told("at work since {since} (run {run})", &[("since", &"{run} {"), ("run", &7)]);
        assert_eq!(text, "at work since {run} { (run 7)");
        assert_eq!((gazettes(1).as_str(), gazettes(2).as_str()), ("1 gazette", "2 gazettes"));
    }

    #[test]
    fn numbers_are_written_as_the_reader_does() {
        for (told, portuguese, english) in [
            ((|| number(0)) as fn() -> String, "0", "0"),
            (|| number(999), "999", "999"),
            (|| number(1_234_567), "1.234.567", "1,234,567"),
            (|| decimal(0.249, 2), "0,25", "0.25"),
            (|| decimal(1234.56, 1), "1.234,6", "1,234.6"),
            (|| decimal(-123.0, 0), "-123", "-123"),
        ] {
            assert_eq!((in_language(true, told), in_language(false, told)), (portuguese.into(), english.into()));
        }
    }

    #[test]
    fn phrases_are_there_once_and_keep_their_gaps() {
        let phrases: Vec<_> = PHRASES.iter().chain(help::PHRASES).collect();
        for (n, (english, portuguese)) in phrases.iter().enumerate() {
            assert!(phrases[..n].iter().all(|(other, _)| other != english), "{english} twice");
            let names = |phrase: &str| {
                let mut names: Vec<String> =
                    phrase.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(names(english), names(portuguese), "{english}");
        }
    }
}
