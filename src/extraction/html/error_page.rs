//! Pages that a server sends instead of the file: told from gazettes by what they say and how little.

use crate::extraction::Text;

/// What a page shows beside its text.
#[derive(Default)]
pub(super) struct Seen {
    pub title: String,
    pub asks_for_password: bool,
}

/// Fewer letters are no sentence, let alone an act.
const A_SENTENCE: usize = 40;
/// An error says so in fewer letters; a short gazette has more.
const MOST_OF_AN_ERROR: usize = 700;
/// The same for one whose title says that it is one: around it there may be the frame of a whole site.
const MOST_OF_A_TITLED_ERROR: usize = 5_000;
const MOST_OF_A_LOGIN: usize = 2_000;
/// As much of the text as the operator is shown.
const QUOTED: usize = 200;

/// What errors are called, in lower case. In a title, and in a text that is short.
const ERRORS: &[&str] = &[
    "não encontrad",
    "nao encontrad",
    "não foi encontrad",
    "nao foi encontrad",
    "não existe",
    "nao existe",
    "not found",
    "acesso negado",
    "access denied",
    "acesso restrito",
    "acesso não autorizado",
    "forbidden",
    "proibido o acesso",
    "unauthorized",
    "não autorizado",
    "bad gateway",
    "bad request",
    "gateway time",
    "service unavailable",
    "serviço indisponível",
    "temporariamente indisponível",
    "temporarily unavailable",
    "internal server error",
    "erro interno",
    "server error",
    "fatal error",
    "runtime error",
    "request rejected",
    "sessão expirada",
    "sessão expirou",
    "session expired",
    "em manutenção",
    "under maintenance",
    "just a moment",
    "checking your browser",
    "verificando seu navegador",
    "attention required",
    "enable javascript",
    "habilite o javascript",
    "ative o javascript",
    "captcha",
    "não sou um robô",
    "ocorreu um erro",
    "um erro ocorreu",
    "an error occurred",
    "link expirado",
    "página expirada",
    "too many requests",
];

/// Titles of pages that ask who one is.
const LOGINS: &[&str] = &["login", "log in", "sign in", "entrar", "autenticação", "autenticacao", "acesso ao sistema"];

/// What the page says, if it is an error.
pub(super) fn judge(seen: &Seen, text: &Text) -> Option<String> {
    let letters = text.text.chars().filter(|c| c.is_alphabetic()).count();
    let title = folded(&seen.title);
    let has = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    let is_titled = has(&title, ERRORS) || has_status(&title) || is_called_error(&title);
    let is_error = letters < A_SENTENCE
        || letters < MOST_OF_A_TITLED_ERROR && is_titled
        || letters < MOST_OF_A_LOGIN && (seen.asks_for_password || has(&title, LOGINS))
        || letters < MOST_OF_AN_ERROR && {
            let said = folded(&text.text);
            has(&said, ERRORS) || has_status(&said)
        };
    is_error.then(|| {
        let words: Vec<_> = seen.title.split_whitespace().chain(text.text.split_whitespace()).collect();
        words.join(" ").chars().take(QUOTED).collect()
    })
}

fn folded(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A title that is the word, such as "Erro" or "Error 1020".
fn is_called_error(title: &str) -> bool {
    let first = title.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty());
    matches!(first, Some("erro" | "error"))
}

/// A status of HTTP that stands at the beginning, or behind a word that says what it is: a bare 404 is the number of an
/// edition or a decree.
fn has_status(text: &str) -> bool {
    const STATUSES: &[&str] = &["400", "401", "403", "404", "410", "429", "500", "502", "503", "504"];
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.iter().enumerate().any(|(index, word)| {
        let before = index.checked_sub(1).and_then(|before| words.get(before)).copied();
        STATUSES.contains(word)
            && matches!(before, None | Some("erro" | "error" | "status" | "http" | "code" | "código"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_error(title: &str, asks_for_password: bool, text: &str) -> bool {
        judge(&Seen { title: title.into(), asks_for_password }, &Text::new(text.into(), 1)).is_some()
    }

    #[test]
    fn errors_are_told_from_gazettes() {
        let act = "O Prefeito Municipal, no uso de suas atribuições, resolve nomear Fulano de Tal para o cargo. ";
        let errors: &[(&str, bool, &str)] = &[
            ("", false, ""),
            ("Diário Oficial", false, "Edição 12"),
            (
                "404 Not Found",
                false,
                "The requested URL was not found on this server. Apache Server at example Port 443",
            ),
            ("HTTP Status 404 – Não Encontrado", false, &act.repeat(3)),
            ("Erro", false, &act.repeat(10)),
            ("Portal", false, "Desculpe. A página que você procura não foi encontrada, volte ao início do portal."),
            ("Portal", false, "Erro 500: tente novamente mais tarde, ou fale com o administrador do sistema."),
            ("Portal do servidor", true, "Informe o seu usuário e a sua senha para ter acesso aos serviços do portal."),
            ("Just a moment...", false, "Verificando se a conexão do site é segura, por favor aguarde um instante."),
        ];
        for (title, password, text) in errors {
            assert!(is_error(title, *password, text), "{title}: {text}");
        }
        let gazettes: &[(&str, bool, &str)] = &[
            ("Diário Oficial nº 404", false, act),
            ("Edição 500", false, act),
            ("", false, &format!("{act}Decreto nº 404 de 2025.")),
            ("Entrar | Diário Oficial", true, &act.repeat(60)),
            ("Erro material: errata", false, &act.repeat(100)),
            ("", false, &format!("{} O documento não encontrado", act.repeat(12))),
        ];
        for (title, password, text) in gazettes {
            assert!(!is_error(title, *password, text), "{title}: {text}");
        }
        let said = judge(&Seen { title: " 404\n".into(), ..Seen::default() }, &Text::new("não\nhá".into(), 1)).unwrap();
        assert_eq!(said, "404 não há");
    }
}
