//! `prelo serve` as a browser and a program meet it: pages, files, feeds, the API, and what keeps them safe.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;

use serde_json::Value;
use support::{Prelo, copy, fixtures};

mod support;

/// A server over a folder that was read.
struct Server {
    prelo: Prelo,
    process: Child,
    host: String,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Server {
    /// Reads the folder and serves what was found.
    fn over(prelo: Prelo, folder: &Path) -> Self {
        prelo.call(&["run", "--folder", folder.to_str().unwrap()]);
        Self::start(prelo, &[])
    }

    fn start(prelo: Prelo, arguments: &[&str]) -> Self {
        let all = [&["serve", "--listen", "127.0.0.1:0", "--format", "json"], arguments].concat();
        let mut process = prelo.spawn(&all);
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut said = String::new();
            process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("{error}: {line}{said}")
        });
        let host = told["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { prelo, process, host }
    }

    fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[])
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Reply {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        for header in headers {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut body = answer[end + 4..].to_vec();
        if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") && method != "HEAD" {
            body = joined(&body);
        }
        Reply { status, headers, body }
    }

    /// The id of the gazette with this file.
    fn id(&self, file: &str) -> i64 {
        let found = self.get(&format!("/api/v1/search?q={WORD}&limit=100")).json();
        let hit = found["hits"].as_array().unwrap().iter().find(|hit| hit["file_path"] == file);
        hit.unwrap_or_else(|| panic!("no {file} in {found}"))["id"].as_i64().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..line]).unwrap(), 16).unwrap();
        chunks = &chunks[line + 2..];
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[..size]);
        chunks = &chunks[size + 2..];
    }
}

/// A word that every fixture has, as it stands in an address.
const WORD: &str = "preg%C3%A3o";

/// What only reads shares a server.
#[test]
fn pages_over_a_folder() {
    let server = Server::over(Prelo::new(), &fixtures());
    for check in [
        the_search_page_says_what_can_be_asked,
        hits_show_passages_and_open_the_file_at_their_page,
        filters_narrow_and_can_be_taken_away,
        filters_alone_list_gazettes,
        what_is_not_found_or_not_understood_is_explained,
        a_page_behind_the_last_leads_back,
        the_page_of_a_gazette_shows_its_text_beside_its_file,
        the_way_back_leads_to_the_same_results,
        the_next_page_with_what_was_sought_is_a_link_away,
        only_what_can_be_opened_is_offered,
        a_part_of_a_file_can_be_had,
        tables_and_feeds_hold_what_the_page_shows,
        every_answer_carries_its_headers_and_nothing_inline,
        too_much_is_refused,
        odd_addresses_are_refused_in_words,
        other_names_than_this_machines_are_refused,
        the_api_answers_programs,
        names_of_territories_are_suggested,
    ] {
        check(&server);
    }
}

fn the_search_page_says_what_can_be_asked(server: &Server) {
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = page.text();
    for part in [
        "<html lang=\"pt-BR\">",
        "<label for=\"q\">O que procurar</label>",
        "<label for=\"territory\">Município ou órgão</label>",
        "<option value=\"Serra Clara (",
        "Ir para o conteúdo",
        "<strong>12</strong> diários oficiais.",
        "name=\"viewport\"",
        "href=\"/?lang=en\"",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    for id in ["q", "territory", "state", "from", "to", "edition", "sort"] {
        assert!(text.contains(&format!("<label for=\"{id}\"")) && text.contains(&format!("id=\"{id}\"")), "{id}");
    }
    let english = server.get("/?lang=en");
    assert!(english.text().contains("<html lang=\"en\">") && english.text().contains("What to look for"));
    for kept in ["href=\"/painel?lang=en\"", "href=\"/?lang=en\" aria-current", "eletr%C3%B4nico&amp;lang=en\""] {
        assert!(english.text().contains(kept), "the language that was chosen is kept: no {kept} in {}", english.text());
    }
    let english = server.ask("GET", "/", &["Accept-Language: en-US,en;q=0.9"]);
    assert!(english.text().contains("What to look for"));
    assert_eq!(english.header("vary"), "accept-language");
}

fn hits_show_passages_and_open_the_file_at_their_page(server: &Server) {
    let page = server.get(&format!("/?q={WORD}+eletr%C3%B4nico"));
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(text.contains("<strong>12</strong> diários encontrados"), "{text}");
    assert!(text.to_lowercase().contains("<mark>pregão</mark>"), "{text}");
    assert_eq!(text.matches("<li class=\"hit\">").count(), 10, "a page of hits");
    let id = server.id("serra-clara/Diário Oficial nº 3.322.pdf");
    assert!(text.contains("/file#page=1\""), "{text}");
    assert!(text.contains("rel=\"next\" href=\"/?q=preg%C3%A3o+eletr%C3%B4nico&amp;page=2\""), "{text}");
    assert!(text.contains("Por território") && text.contains("<rect width=\"100\""), "{text}");
    assert!(text.ends_with("</html>\n"));
    let second = server.get(&format!("/?q={WORD}&page=2"));
    assert_eq!(second.text().matches("<li class=\"hit\">").count(), 2);
    assert!(second.text().contains("<ol class=\"hits\" start=\"11\">") && second.text().contains("rel=\"prev\""));
    let file = server.get(&format!("/gazettes/{id}/file"));
    assert_eq!((file.status, file.header("content-type")), (200, "application/pdf"));
    assert!(file.body.starts_with(b"%PDF-"));
}

fn filters_narrow_and_can_be_taken_away(server: &Server) {
    let all = "/?q=preg%C3%A3o&territory=serra+clara&from=2025-04-08&to=08/04/2025&sort=newest";
    let page = server.get(all);
    assert!(page.text().contains("<strong>1</strong> diário encontrado"), "{}", page.text());
    for part in [
        "Retirar o filtro </span>de 08/04/2025",
        "href=\"/?q=preg%C3%A3o&amp;territory=serra+clara&amp;to=2025-04-08&amp;sort=newest\"",
        "<details class=\"filters\" open>",
        "value=\"2025-04-08\"",
        "<option value=\"newest\" selected>",
    ] {
        assert!(page.text().contains(part), "no {part} in {}", page.text());
    }
    let state = server.get("/?q=preg%C3%A3o&state=al");
    assert!(state.text().contains("<option value=\"AL\" selected>"), "{}", state.text());
    let other = server.get("/?q=preg%C3%A3o&edition=extra");
    let regular = server.get("/?q=preg%C3%A3o&edition=regular");
    assert_eq!((other.status, regular.status), (200, 200));
    assert_ne!(other.text(), regular.text());
}

fn filters_alone_list_gazettes(server: &Server) {
    let sent = server.get("/?q=&territory=Serra+Clara&state=&from=&to=&edition=&sort=relevance");
    assert_eq!((sent.status, sent.header("location")), (303, "/?territory=Serra+Clara"), "an address to keep");
    let page = server.get(sent.header("location"));
    assert_eq!(page.status, 200);
    let text = page.text();
    let days: Vec<&str> = text.split("<time datetime=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let mut newest_first = days.clone();
    newest_first.sort_unstable_by(|a, b| b.cmp(a));
    assert!(days.len() >= 3 && days == newest_first, "{days:?}");
    for part in [
        "<title>Serra Clara – Pesquisa",
        "Por mês",
        "Retirar o filtro </span>Serra Clara",
        "texto e detalhes",
        "diários encontrados, os mais recentes primeiro",
        // Words that are added are ranked: nothing else was chosen.
        "<option value=\"relevance\" selected>",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("<mark>"), "no word was sought: {text}");
    let found = server.get("/api/v1/search?territory=Serra+Clara").json();
    assert_eq!(found["total"].as_u64(), Some(days.len() as u64), "{found}");
    let rows = server.get("/search.csv?territory=Serra+Clara");
    assert_eq!(rows.text().lines().count(), days.len() + 1, "a row for each: {}", rows.text());
    let feed = server.get("/search.atom?territory=Serra+Clara");
    assert!(feed.text().contains("<title>Diários oficiais: Serra Clara</title>"), "{}", feed.text());
    let none = server.get("/?state=AL&from=2030-01-01");
    for part in ["Não há diários com estes filtros.", "Retirar os filtros"] {
        assert!(none.status == 200 && none.text().contains(part), "no {part} in {}", none.text());
    }
    assert!(!none.text().contains("Confira a grafia"), "{}", none.text());
}

fn what_is_not_found_or_not_understood_is_explained(server: &Server) {
    let page = server.get("/?q=palavrainexistente+OR+outrainexistente+-obras&state=AL");
    assert_eq!(page.status, 200);
    for part in [
        "Nada encontrado",
        "<q>palavrainexistente</q> ou <q>outrainexistente</q>, sem <q>obras</q>",
        "Pesquisar o mesmo sem filtros",
    ] {
        assert!(page.text().contains(part), "no {part} in {}", page.text());
    }
    for (query, part) in [
        ("q=-casa", "só diz o que não deve aparecer"),
        ("q=de+para", "palavras que aparecem em toda parte"),
        ("q=%28", "Não há o que procurar"),
        ("q=casa&from=ontem", "“De” deve ser uma data"),
        ("q=casa&territory=Atl%C3%A2ntida", "Nenhum território se chama “Atlântida”"),
        ("q=casa&page=2000", "“Página” deve ser um número de 1 a 1000"),
        ("q=casa&from=2025-01-02&to=2025-01-01", "A data inicial vem depois"),
    ] {
        let page = server.get(&format!("/?{query}"));
        assert_eq!(page.status, 400, "{query}");
        assert!(page.text().contains(part), "no {part} in {}", page.text());
        assert!(page.text().contains("<form"), "the form is there to correct it");
    }
}

fn a_page_behind_the_last_leads_back(server: &Server) {
    let page = server.get(&format!("/?q={WORD}&sort=newest&page=900"));
    for part in ["Só há 2 páginas.", &format!("href=\"/?q={WORD}&amp;sort=newest\"")] {
        assert!(page.status == 200 && page.text().contains(part), "no {part} in {}", page.text());
    }
}

fn the_page_of_a_gazette_shows_its_text_beside_its_file(server: &Server) {
    let id = server.id("serra-clara/Diário Oficial nº 3.322.pdf");
    let page = server.get(&format!("/gazettes/{id}?q={WORD}"));
    assert_eq!(page.status, 200);
    for part in [
        "Serra Clara (",
        ", 08/04/2025",
        "edição 3322",
        &format!("<iframe src=\"/gazettes/{id}/file#page=1&amp;navpanes=0&amp;view=FitH\""),
        "<pre class=\"text\"",
        "<dt>território</dt>",
        "<dd>sim</dd>",
        "UTC, indexado, ",
        "<dt>data</dt><dd>08/04/2025</dd>",
    ] {
        assert!(page.text().contains(part), "no {part} in {}", page.text());
    }
    let story = page.text().split("<section class=\"story\"").nth(1).unwrap();
    let written = story.split("escrito em ").nth(1).unwrap();
    assert!(written.as_bytes()[2] == b'/' && written[..25].contains(" UTC pela"), "as people write it: {story}");
    assert!(!story.contains("Z pela") && !story.contains("-04-08"), "{story}");
    let beyond = server.get(&format!("/gazettes/{id}?page=999"));
    assert!(beyond.text().contains("O texto só tem"), "{}", beyond.text());
    let odd = server.get(&format!("/gazettes/{id}?page=-1&lang=en"));
    assert!(odd.text().contains("What is known of this gazette"), "{}", odd.text());
    assert!(odd.text().contains("<dt>processed</dt><dd>yes</dd>"), "{}", odd.text());
    for english in ["/gazettes/999999?lang=en", "/gazettes/x?page=2&lang=en", "/gazettes/999999/file?lang=en"] {
        let page = server.get(english);
        assert!(page.status == 404 && page.text().contains("There is no such gazette."), "{english}: {}", page.text());
        assert!(page.text().contains("<a href=\"/?lang=en\">Back to the search</a>"), "{}", page.text());
    }
    for (asked, header, sentence) in [
        ("/nowhere?lang=en", "Accept-Language: pt-BR", "There is no such page."),
        ("/nowhere", "Accept-Language: en-US,en;q=0.9", "There is no such page."),
        ("/nowhere?lang=pt-BR", "Accept-Language: en", "Esta página não existe."),
        ("/search.csv?q=x&from=oops&lang=en", "Accept-Language: pt-BR", "has to be a date"),
    ] {
        let page = server.ask("GET", asked, &[header]);
        assert!(page.text().contains(sentence), "{asked}, {header}: {}", page.text());
    }
    for unknown in ["/gazettes/999999", "/gazettes/x", "/gazettes/-1", "/gazettes/999999/file", "/gazettes/1e1/file"] {
        let page = server.get(unknown);
        assert_eq!(page.status, 404, "{unknown}");
        assert!(page.text().contains("Este diário não existe"), "{unknown}");
    }
}

fn the_way_back_leads_to_the_same_results(server: &Server) {
    for search in [
        format!("/?q={WORD}&amp;page=2"),
        format!("/?q={WORD}&amp;from=2025-01-01&amp;edition=regular&amp;sort=oldest&amp;lang=en"),
        "/?territory=Serra+Clara&amp;to=2025-12-31".to_owned(),
    ] {
        let results = server.get(&search.replace("&amp;", "&"));
        let link = results.text().split("href=\"/gazettes/").skip(1).map(|rest| rest.split('"').next().unwrap());
        let link = link.into_iter().find(|link| !link.contains("/file")).unwrap().replace("&amp;", "&");
        let gazette = server.get(&format!("/gazettes/{link}"));
        assert!(gazette.text().contains(&format!("<p class=\"back\"><a href=\"{search}\">")), "{}", gazette.text());
    }
    assert!(!server.get("/gazettes/1").text().contains("class=\"back\""), "nothing leads back to no search");
}

fn the_next_page_with_what_was_sought_is_a_link_away(server: &Server) {
    let found = server.get(&format!("/api/v1/search?q={WORD}&limit=100")).json();
    let mut followed = 0;
    for hit in found["hits"].as_array().unwrap() {
        let (mut here, mut page) = (format!("/gazettes/{}?q={WORD}", hit["id"]), 1);
        loop {
            let reply = server.get(&here);
            let Some(link) = reply.text().split("<p class=\"onward\"><a href=\"").nth(1) else { break };
            here = link.split('"').next().unwrap().replace("&amp;", "&");
            let next: u64 = here.split("page=").nth(1).unwrap().parse().unwrap();
            assert!(next > page && link.contains(&format!("<strong>pregão</strong>: {next}\u{a0}→")), "{link}");
            for between in page + 1..=next {
                let text = server.get(&format!("/api/v1/gazettes/{}?page={between}", hit["id"])).json();
                let text = text["text"].as_str().unwrap().to_lowercase();
                let has = text.contains("pregão") || text.contains("pregões");
                assert_eq!(has, between == next, "page {between} of {here}");
            }
            assert!(server.get(&here).text().contains("<mark>"), "{here}");
            (page, followed) = (next, followed + 1);
        }
    }
    assert!(followed > 0, "some gazette has the word on two pages");
    assert!(!server.get("/gazettes/1").text().contains("class=\"onward\""), "nothing was sought");
}

fn only_what_can_be_opened_is_offered(server: &Server) {
    let failed = server.prelo.json(0, &["failures"]);
    let page = |file: &str| {
        let gazette = failed.as_array().unwrap().iter().find(|failure| failure["file_path"] == file);
        let id = &gazette.unwrap_or_else(|| panic!("no {file} in {failed}"))["gazette_id"];
        server.get(&format!("/gazettes/{id}")).text().to_owned()
    };
    let empty = page("vazio.pdf");
    assert!(empty.contains("o arquivo está vazio") && empty.contains("EMPTY_OBJECT"), "{empty}");
    let html = page("erro-do-servidor.pdf");
    assert!(html.contains("baixar o arquivo"), "{html}");
    for page in [empty, html] {
        assert!(!page.contains("abrir o PDF") && !page.contains("<iframe"), "{page}");
    }
    let drawing = page("planta-do-loteamento.pdf");
    assert!(drawing.contains("abrir o PDF") && drawing.contains("<iframe"), "{drawing}");
}

fn a_part_of_a_file_can_be_had(server: &Server) {
    let id = server.id("serra-clara/Diário Oficial nº 3.322.pdf");
    let path = format!("/gazettes/{id}/file");
    let whole = fs::read(fixtures().join("serra-clara/Diário Oficial nº 3.322.pdf")).unwrap();
    let all = server.get(&path);
    assert_eq!(all.body, whole);
    assert_eq!(all.header("content-length"), whole.len().to_string());
    assert!(all.header("content-disposition").starts_with("inline; "), "{all:?}");
    assert_eq!(all.header("content-security-policy"), "frame-ancestors 'self'");
    let part = server.ask("GET", &path, &["Range: bytes=5-14"]);
    assert_eq!((part.status, &part.body[..]), (206, &whole[5..15]));
    assert_eq!(part.header("content-range"), format!("bytes 5-14/{}", whole.len()));
    let end = server.ask("GET", &path, &["Range: bytes=-7"]);
    assert_eq!((end.status, &end.body[..]), (206, &whole[whole.len() - 7..]));
    let beyond = server.ask("GET", &path, &["Range: bytes=99999999-"]);
    assert_eq!((beyond.status, beyond.body.len()), (416, 0));
    let etag = all.header("etag");
    let known = server.ask("GET", &path, &[&format!("If-None-Match: {etag}")]);
    assert_eq!((known.status, known.body.len()), (304, 0));
    let other = server.ask("GET", &path, &["Range: bytes=0-1", "If-Range: \"another\""]);
    assert_eq!((other.status, other.body.len()), (200, whole.len()), "a part of another version");
    let head = server.ask("HEAD", &path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.len().to_string());
}

fn odd_addresses_are_refused_in_words(server: &Server) {
    for (path, status, words) in [
        // As browsers of before 2010 and some programs write it: the word would be cut at its accent.
        ("/?q=caf%E9", 400, "“O que procurar” tem letras que não se podem ler"),
        ("/?power=%FF", 400, "“Poder” tem letras"),
        ("/search.csv?q=%FF", 400, "tem letras que não se podem ler"),
        ("/search.json?q=%FF", 400, "is not valid UTF-8"),
        ("/api/v1/search?q=a%FF", 400, "`q` is not valid UTF-8"),
        ("/api/v1/search?q=a&territory=%C3", 400, "`territory` is not valid UTF-8"),
        ("/?q=%zz", 200, "<q>%zz</q>"),
        ("/?q=%00", 400, "Não há o que procurar"),
        ("/?q=casa&from=31/02/2025", 400, "“De” deve ser uma data que existe"),
        ("/?q=casa&q=obras", 400, "“O que procurar” só pode aparecer uma vez"),
        ("/?q=casa&page=99999999999999999999", 400, "“Página” deve ser um número"),
        ("/?q=casa&page=-1", 400, "“Página” deve ser um número"),
        ("/?q=casa&territory=%E2%80%AEabc", 400, "se chama “\u{2068}\u{202e}abc\u{2069}”; a lista"),
        ("/search.csv?q=de", 400, "aparecem em toda parte"),
        ("/search.atom?q=-casa&lang=en", 400, "only says what must not occur"),
        ("/search.json?q=de", 400, "\"status\":400"),
        ("/gazettes/..%2f..%2fetc%2fpasswd", 404, "Este diário não existe"),
        ("/gazettes/1%00", 404, "Este diário não existe"),
        ("/gazettes/%FF/file", 404, "Este diário não existe"),
        ("/gazettes/9223372036854775808", 404, "Este diário não existe"),
        ("/gazettes/../../etc/passwd", 404, "Esta página não existe"),
        ("/static/../Cargo.toml", 404, "Esta página não existe"),
        ("/painel/entrar", 405, "Este endereço não responde a GET."),
        ("/painel/reprocessar?lang=en", 405, "This address does not answer to GET."),
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        assert!(reply.text().contains(words), "no {words} in {path}: {}", reply.text());
    }
    let long = server.get(&format!("/?q={}", "b".repeat(999)));
    assert!(long.status == 400 && long.text().contains("ou longas demais"), "{}", long.text());
    for (method, path) in [("POST", "/"), ("DELETE", "/gazettes/1"), ("OPTIONS", "/painel"), ("ODD", "/healthz")] {
        let refused = server.ask(method, path, &["Content-Length: 0"]);
        assert_eq!((refused.status, refused.header("allow")), (405, "GET,HEAD"), "{method} {path}");
        assert!(refused.text().contains(&format!("não responde a {method}")), "{}", refused.text());
        assert!(refused.header("content-security-policy").contains("default-src 'none'"), "{method} {path}");
    }
    // No link that somebody sends puts words into the mouth of the dashboard.
    for told in ["5:SERVIDOR+INVADIDO", "5:%3Cb%3E", "-1:NOT_A_PDF", "99999999999999999999:NOT_A_PDF", "x"] {
        let page = server.get(&format!("/painel?feito={told}"));
        assert!(page.status == 200 && !page.text().contains("class=\"notice"), "{told}: {}", page.text());
    }
    let one = server.get("/painel?feito=1:NOT_A_PDF");
    assert!(one.text().contains("1 diário com NOT_A_PDF será lido de novo"), "{}", one.text());
}

fn other_names_than_this_machines_are_refused(server: &Server) {
    let raw = |head: &str| {
        let mut stream = TcpStream::connect(&server.host).unwrap();
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for (head, status, words) in [
        ("GET / HTTP/1.1\r\nHost: localhost:8080", 200, "<html"),
        ("GET / HTTP/1.1\r\nHost: evil.example", 421, "`web_hosts`"),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80", 421, "`web_hosts`"),
        ("GET /api/v1/search?q=a HTTP/1.1\r\nHost: evil.example", 421, "application/problem+json"),
        ("POST /painel/reprocessar HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0", 421, "`web_hosts`"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost", 421, "`web_hosts`"),
        ("GET / HTTP/1.1", 400, "`Host`"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost", 400, "`Host`"),
        ("GET / HTTP/1.0", 200, "<html"),
    ] {
        let answer = raw(head);
        assert!(
            answer.starts_with(&format!("HTTP/1.{} {status}", u8::from(!head.contains("1.0")))),
            "{head}: {answer}"
        );
        assert!(answer.contains(words), "no {words} for {head}: {answer}");
    }
}

fn tables_and_feeds_hold_what_the_page_shows(server: &Server) {
    let table = server.get(&format!("/search.csv?q={WORD}"));
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    let text = table.text().strip_prefix('\u{feff}').unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.unwrap()).collect();
    let ids: std::collections::BTreeSet<&str> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(ids.len(), 12, "every gazette, not a page of them");
    assert!(rows.iter().all(|row| row[8].parse::<u32>().is_ok() && row[11].starts_with("http://127.0.0.1:")));

    // As Excel opens it where numbers have commas: the Portuguese page offers it, and the English one need not.
    let page = server.get(&format!("/?q={WORD}"));
    let link = format!("/search.csv?q={WORD}&amp;separator=%3B");
    assert!(
        page.text().contains(&format!("href=\"{link}\" download=\"prelo.csv\">CSV para Excel<")),
        "{}",
        page.text()
    );
    assert!(!server.get(&format!("/?q={WORD}&lang=en")).text().contains("Excel"));
    let semicolons = server.get(&link.replace("&amp;", "&"));
    assert_eq!(semicolons.text().replace("\";\"", "\",\""), table.text(), "the same cells");
    assert!(semicolons.text().starts_with("\u{feff}\"id\";\"date\";"), "{}", semicolons.text());

    let list = server.get(&format!("/search.json?q={WORD}")).json();
    assert_eq!((list["total"].as_u64(), list["hits"].as_array().unwrap().len()), (Some(12), 12));

    let feed = server.get(&format!("/search.atom?q={WORD}&state=AL&sort=oldest"));
    assert_eq!(feed.header("content-type"), "application/atom+xml; charset=utf-8");
    let entries = well_formed(feed.text());
    assert!(entries >= 1, "{}", feed.text());
    assert_eq!(feed.text().matches("<entry>").count(), entries);
    for path in ["/search.csv?q=-casa", "/search.json?q=", "/search.atom?q=casa&from=x"] {
        assert_eq!(server.get(path).status, 400, "{path}");
    }
}

/// Entries of a feed, read by a strict reader.
fn well_formed(feed: &str) -> usize {
    let mut reader = quick_xml::Reader::from_str(feed);
    let (mut depth, mut entries) = (0, 0);
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} in {feed}")) {
            quick_xml::events::Event::Start(start) => {
                depth += 1;
                entries += usize::from(start.name().as_ref() == "entry");
            }
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    entries
}

fn every_answer_carries_its_headers_and_nothing_inline(server: &Server) {
    let id = server.id("serra-clara/Diário Oficial nº 3.322.pdf");
    let pages =
        ["/".to_owned(), format!("/?q={WORD}"), format!("/gazettes/{id}"), "/nowhere".to_owned(), "/?q=-a".to_owned()];
    for path in &pages {
        let page = server.get(path);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for inline in ["<style", " style=", "<script>", " onclick", " onload", "javascript:"] {
            assert!(!page.text().contains(inline), "{inline} in {path}");
        }
    }
    let assets: Vec<String> = ["style.css", "prelo.js", "icon.svg"]
        .iter()
        .map(|name| format!("/static/{}/{name}", env!("CARGO_PKG_VERSION")))
        .collect();
    let others = [format!("/gazettes/{id}/file"), format!("/search.csv?q={WORD}"), "/api/v1/search".to_owned()];
    for path in pages.iter().chain(&assets).chain(&others) {
        let page = server.get(path);
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
        assert!(!page.header("content-security-policy").is_empty(), "{path}");
        let (of_a_file, known) = (assets.contains(path), page.status == 200);
        assert!(!of_a_file || known, "{path}: {}", page.status);
    }
}

fn too_much_is_refused(server: &Server) {
    let long = server.get(&format!("/?q={}", "a".repeat(9_000)));
    assert_eq!(long.status, 414);
    let many = server.get(&format!("/?q={}", "a".repeat(1_001)));
    assert_eq!(many.status, 400);
    assert!(many.text().contains("“O que procurar” tem mais de 1000 caracteres"), "{}", many.text());
    let far = server.get("/api/v1/search?q=casa&offset=9950&limit=100");
    assert_eq!(far.status, 400);
    assert_eq!(server.get("/api/v1/search?q=casa&limit=101").status, 400);
    let posted = server.ask("POST", "/api/v1/search?q=casa", &["Content-Length: 0"]);
    assert_eq!((posted.status, posted.header("allow")), (405, "GET,HEAD"));
}

fn the_api_answers_programs(server: &Server) {
    let found = server.get(&format!("/api/v1/search?q={WORD}&limit=3&offset=2&sort=newest"));
    assert_eq!((found.status, found.header("content-type")), (200, "application/json"));
    let found = found.json();
    assert_eq!((found["total"].as_u64(), found["hits"].as_array().unwrap().len()), (Some(12), 3));
    assert_eq!(found["hits"][0]["passages"][0]["page"], 1);
    assert!(found["totals"]["by_month"][0]["gazettes"].as_u64() >= Some(1), "{found}");
    let id = found["hits"][0]["id"].as_i64().unwrap();

    let gazette = server.get(&format!("/api/v1/gazettes/{id}?page=1")).json();
    let explained = server.prelo.json(0, &["explain", &id.to_string()]);
    for field in ["id", "file_path", "date", "processed"] {
        assert_eq!(gazette[field], explained[field], "what `explain` says: {field}");
    }
    assert!(gazette["text"].as_str().is_some_and(|text| !text.is_empty()), "{gazette}");
    assert!(server.get(&format!("/api/v1/gazettes/{id}")).json().get("text").is_none());

    for (path, status, word) in [
        ("/api/v1/search", 400, "nothing to search for"),
        ("/api/v1/search?q=de", 400, "occur everywhere"),
        ("/api/v1/search?q=a&oops=1", 400, "`oops`"),
        ("/api/v1/search?q=a&limit=0", 400, "`limit`"),
        ("/api/v1/search?q=a&state=", 400, "`state` is empty"),
        ("/api/v1/gazettes/999999", 404, "no such gazette"),
        ("/api/v1/gazettes/1?page=0", 400, "`page`"),
        ("/api/v1/nowhere", 404, "no such page"),
    ] {
        let problem = server.get(path);
        assert_eq!((problem.status, problem.header("content-type")), (status, "application/problem+json"), "{path}");
        let told = problem.json();
        assert_eq!(told["status"], status, "{path}");
        assert!(told["detail"].as_str().unwrap().contains(word), "{path}: {told}");
    }
    let document = server.get("/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let names: Vec<&str> = document["paths"]["/api/v1/search"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["q", "territory", "state", "from", "to", "edition", "power", "sort", "offset", "limit"]);
}

fn names_of_territories_are_suggested(server: &Server) {
    let names = server.get("/territories.json?q=SERRA").json();
    assert!(names[0].as_str().unwrap().starts_with("Serra Clara ("), "{names}");
    assert_eq!(server.get("/territories.json?q=xyz").json(), serde_json::json!([]));
}

#[test]
fn hostile_texts_stay_texts() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("diários <b>");
    fs::create_dir_all(folder.join("3199902/2025-04-08")).unwrap();
    let evil = "Diário oficial: <script>alert(1)</script> pregão \"onload='x' & <img src=x onerror=alert(2)> ]]> </pre></iframe>";
    fs::write(folder.join("3199902/2025-04-08/<i>x&y.txt"), evil).unwrap();
    fs::write(
        folder.join("página.html"),
        format!(
            "<html><title>x</title><p>pregão &lt;script&gt;alert(3)&lt;/script&gt;</p>{}</html>",
            "<p>Diário oficial do município, com atos.</p>".repeat(20)
        ),
    )
    .unwrap();
    fs::write(
        folder.join("gazettes.csv"),
        "file,territory_id,territory_name,state_code,url,edition_number\n\
         3199902/2025-04-08/<i>x&y.txt,1,\"<script>alert(4)</script>\",AL,javascript:alert(5),\"=cmd|' /C calc'!A0\"\n",
    )
    .unwrap();
    let server = Server::over(prelo, &folder);
    let list = server.get(&format!("/api/v1/search?q={WORD}")).json();
    assert_eq!(list["total"], 2, "{list}");
    let of = |end: &str| {
        let hits = list["hits"].as_array().unwrap();
        let hit = hits.iter().find(|hit| hit["file_path"].as_str().unwrap().ends_with(end));
        hit.unwrap_or_else(|| panic!("{list}"))["id"].as_i64().unwrap()
    };
    let (text, html) = (of(".txt"), of(".html"));
    for path in [
        format!("/?q={WORD}"),
        format!("/gazettes/{text}?q={WORD}"),
        format!("/gazettes/{html}"),
        "/?q=%3Cscript%3Ealert(6)%3C/script%3E".to_owned(),
        "/?q=a&territory=%3Cscript%3E".to_owned(),
        "/gazettes/%3Cscript%3E".to_owned(),
    ] {
        let page = server.get(&path);
        for raw in ["<script>", "<img", "<i>", "href=\"javascript", "</iframe> ", "<b>"] {
            assert!(!page.text().contains(raw), "{raw} in {path}: {}", page.text());
        }
    }
    assert!(server.get(&format!("/gazettes/{text}")).text().contains("&lt;script&gt;alert(1)&lt;/script&gt; pregão"));
    for id in [text, html] {
        let file = server.get(&format!("/gazettes/{id}/file"));
        assert_eq!((file.status, file.header("content-type")), (200, "application/octet-stream"));
        assert!(file.header("content-disposition").starts_with("attachment; "), "{file:?}");
        assert!(file.header("content-security-policy").contains("sandbox"));
    }
    assert_eq!(well_formed(server.get(&format!("/search.atom?q={WORD}")).text()), 2);
    let table = server.get(&format!("/search.csv?q={WORD}"));
    assert!(table.text().contains("\"'=cmd|"), "no formula: {}", table.text());
}

#[test]
fn what_lies_outside_of_the_folder_stays_there() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("folder");
    copy(&fixtures(), &folder);
    // Beside the folder, beside the texts, and behind a link.
    let data = prelo.path().join("prelo-data");
    for outside in [prelo.path().join("outside"), data.join("outside")] {
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("a.pdf"), "%PDF-1.4 segredo").unwrap();
        fs::write(outside.join("a.pdf.txt"), "segredo").unwrap();
    }
    let server = Server::over(prelo, &folder);
    let id = server.id("serra-clara-3318-suplemento.pdf");
    std::os::unix::fs::symlink(server.prelo.path().join("outside/a.pdf"), folder.join("link.pdf")).unwrap();
    let absolute = server.prelo.path().join("outside/a.pdf").display().to_string();
    for key in ["../outside/a.pdf", "serra-clara/../../outside/a.pdf", &absolute, "link.pdf", "..", ""] {
        support::in_catalog(server.prelo.path(), async |connection| {
            let change = sqlx::query("UPDATE gazettes SET file_path = ? WHERE id = ?").bind(key).bind(id);
            change.execute(connection).await.unwrap();
        });
        let file = server.get(&format!("/gazettes/{id}/file"));
        assert_eq!(file.status, 404, "{key}");
        let page = server.get(&format!("/gazettes/{id}"));
        assert!(page.status == 200 && !page.text().contains("/file#page"), "{key}: {}", page.text());
        let told = server.get(&format!("/api/v1/gazettes/{id}?page=1"));
        for reply in [file, page, told] {
            assert!(!reply.text().contains("segredo"), "{key}: {}", reply.text());
        }
    }
}

#[test]
fn parts_of_a_file_are_of_one_version() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("folder");
    copy(&fixtures(), &folder);
    let file = folder.join("serra-clara-3318-suplemento.pdf");
    let server = Server::over(prelo, &folder);
    let path = format!("/gazettes/{}/file", server.id("serra-clara-3318-suplemento.pdf"));
    let before = fs::read(&file).unwrap();
    let part = |headers: &[&str]| server.ask("GET", &path, &[&["Range: bytes=100-199"], headers].concat());
    let old = part(&[]).header("etag").to_owned();
    for _ in 0..3 {
        let again = part(&[&format!("If-Range: {old}")]);
        assert_eq!((again.status, &again.body[..]), (206, &before[100..200]));
    }
    // As long as before, and another version all the same.
    let mut after = before.clone();
    after[100..200].fill(b' ');
    fs::write(&file, &after).unwrap();
    let new = part(&[]);
    assert_eq!((new.status, &new.body[..]), (206, &after[100..200]));
    assert_ne!(new.header("etag"), old);
    let joined = part(&[&format!("If-Range: {old}")]);
    assert_eq!((joined.status, joined.body == after), (200, true), "all of it, for there is nothing to join it to");
    // Longer: what lay behind its end no longer does.
    let first = format!("Range: bytes={}-", after.len());
    assert_eq!(server.ask("GET", &path, &[&first]).status, 416);
    fs::write(&file, [&after[..], b"%%EOF"].concat()).unwrap();
    let tail = server.ask("GET", &path, &[&first]);
    assert_eq!((tail.status, &tail.body[..]), (206, &b"%%EOF"[..]));
    // No longer a PDF: it is saved and not shown, whatever it was a moment ago.
    fs::write(&file, "<html><script>alert(1)</script>".repeat(20)).unwrap();
    let html = part(&[]);
    assert_eq!((html.status, html.header("content-type")), (206, "application/octet-stream"));
    assert!(html.header("content-disposition").starts_with("attachment; "), "{html:?}");
    fs::remove_file(&file).unwrap();
    assert_eq!(part(&[]).status, 404);
}

#[test]
fn visitors_may_come_by_the_names_that_are_given() {
    let prelo = Prelo::new().with("PRELO_WEB_HOSTS", "busca.example");
    let server = Server::over(prelo, &fixtures());
    let asked = |host: &str| {
        let mut stream = TcpStream::connect(&server.host).unwrap();
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(asked("busca.example").starts_with("HTTP/1.1 200"));
    assert!(asked("evil.example").starts_with("HTTP/1.1 421"));
}

#[test]
fn without_an_index_the_page_says_what_to_do() {
    let prelo = Prelo::new();
    copy(&fixtures(), &prelo.path().join("folder"));
    let server = Server::start(prelo, &["--folder", "folder"]);
    let page = server.get("/?q=casa");
    assert_eq!(page.status, 503);
    assert!(page.text().contains("execute `prelo run` primeiro"), "{}", page.text());
    assert_eq!(server.get("/api/v1/search?q=casa").json()["status"], 503);
}

#[test]
fn without_anything_to_show_it_says_what_to_do_first() {
    let prelo = Prelo::new();
    let refused = prelo.expect(2, &["serve", "--data", "nothing", "--listen", "127.0.0.1:0"]);
    for part in ["nothing to show", "prelo run --folder DIR --data", "nothing`"] {
        assert!(refused.stderr.contains(part), "no {part} in {}", refused.stderr);
    }
    assert!(!prelo.path().join("nothing").exists(), "nothing was made");
}

#[test]
fn a_signal_ends_it_and_a_taken_address_is_said() {
    let prelo = Prelo::new();
    let mut server = Server::over(prelo, &fixtures());
    let taken = server.prelo.call(&["serve", "--listen", &server.host]);
    assert_eq!(taken.code, 2);
    for part in [server.host.as_str(), "another program listens there", "--listen 127.0.0.1:0"] {
        assert!(taken.stderr.contains(part), "no {part} in {}", taken.stderr);
    }
    // A connection that is only kept open does not hold it up.
    let _idle = TcpStream::connect(&server.host).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.process.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
}
