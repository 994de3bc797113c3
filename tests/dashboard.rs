//! The dashboard as whoever is on call meets it: what is told of runs at work and over, what can be changed and by whom.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::net::TcpListener;

use support::http::{self, Reply};
use support::serving::Server;
use support::{Prelo, fixtures};

mod support;

const TOKEN: &str = "segredo-1";

fn read() -> Prelo {
    let prelo = Prelo::new().with("PRELO_WEB_TOKEN", TOKEN);
    let folder = fixtures();
    prelo.expect(3, &["run", "--folder", folder.to_str().unwrap()]);
    prelo
}

fn post(server: &Server, path: &str, headers: &[&str], body: &str) -> Reply {
    http::ask(&server.host, "POST", path, headers, body).unwrap()
}

/// The path of the first run in a page's history.
fn first_run(page: &str) -> &str {
    page.split("href=\"/painel/execucoes/").nth(1).unwrap().split(['"', '?']).next().unwrap()
}

#[test]
fn it_tells_of_the_backlog_of_failures_and_of_runs_that_are_over() {
    let prelo = read();
    let server = Server::start(&prelo, &[]);
    let page = http::get(&server.host, "/painel");
    assert_eq!(page.status, 200);
    for word in [
        "lang=\"pt-BR\"",
        "Painel",
        "parado",
        "Últimas execuções",
        "concluída",
        "NOT_A_PDF",
        "EMPTY_OBJECT",
        "Memória ao longo do tempo",
        "limite 512",
        "Texto digital",
        "16 de 16 diários",
        "responde",
    ] {
        assert!(page.body.contains(word), "no `{word}` in\n{}", page.body);
    }
    assert!(!page.body.contains("Tentar de novo"), "nobody has shown the token");
    assert!(!page.body.contains(" style=") && !page.body.contains("<script>"), "the policy forbids both");
    assert_eq!(page.header("cache-control"), "no-store");

    let english = http::get(&server.host, "/painel?lang=en");
    for word in ["lang=\"en\"", "Dashboard", "at rest", "Last runs", "done", "16 of 16 gazettes"] {
        assert!(english.body.contains(word), "no `{word}` in\n{}", english.body);
    }
    assert_eq!(http::get(&server.host, "/dashboard").header("location"), "/painel?lang=en");

    let id = first_run(&page.body);
    let run = http::get(&server.host, &format!("/painel/execucoes/{id}"));
    for word in ["Execução de", id, "indexados", "NOT_A_PDF", "Etapas", "Seleção", "unprocessed"] {
        assert!(run.body.contains(word), "no `{word}` in\n{}", run.body);
    }
    assert!(page.body.contains("href=\"/painel/falhas/NOT_A_PDF?lang=pt-BR\""), "{}", page.body);
    let of_code = http::get(&server.host, "/painel/falhas/NOT_A_PDF");
    for word in
        ["erro-do-servidor.pdf", "Serra Clara (MG)", "09/04/2025", "href=\"/gazettes/", "&lt;", "colete o diário"]
    {
        assert!(of_code.body.contains(word), "no `{word}` in\n{}", of_code.body);
    }
    let none = http::get(&server.host, "/painel/falhas/CHECKSUM?lang=en");
    assert!(none.body.contains("No gazette is set aside with this code."), "{}", none.body);

    for path in [
        "/painel/execucoes/none",
        "/painel/execucoes/00000000-0000-4000-8000-000000000000",
        "/painel/falhas/%3Cscript%3E",
    ] {
        assert_eq!(http::get(&server.host, path).status, 404, "{path}");
    }
    for path in ["/static/0.1.0/dashboard.css", "/static/0.1.0/dashboard.js"] {
        assert_eq!(http::get(&server.host, path).status, 200, "{path}");
    }
}

#[test]
fn a_run_at_work_is_seen_from_another_process() {
    let prelo = Prelo::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let index = format!("opensearch+http://{}/gazettes", nobody.local_addr().unwrap());
    let folder = fixtures();
    let mut child = prelo.spawn(&["run", "--folder", folder.to_str().unwrap(), "--index", &index, "--for", "2h"]);
    let mut until = |seen: &dyn Fn() -> bool| {
        while !seen() {
            assert!(child.try_wait().unwrap().is_none(), "it should wait for its index");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    until(&|| has_a_run(&prelo));
    let server = Server::start(&prelo, &[]);
    // It shows itself when it begins, and again when it has counted its selection.
    until(&|| http::get(&server.host, "/painel").body.contains("<td class=\"number\">16</td>"));
    let page = http::get(&server.host, "/painel");
    for word in [
        "em execução",
        ", termina em até ",
        "ainda não começou",
        "http-equiv=\"refresh\"",
        "data-every=\"3\"",
        "diários/s",
    ] {
        assert!(page.body.contains(word), "no `{word}` in\n{}", page.body);
    }
    let id = first_run(&page.body);
    let run = http::get(&server.host, &format!("/api/v1/runs/{id}")).json();
    assert_eq!(
        (&run["is_live"], &run["id"], &run["live"]["counts"]["selected"]),
        (&true.into(), &id.into(), &16.into())
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Whether there is a run, asked by the verb: the tables are there then.
fn has_a_run(prelo: &Prelo) -> bool {
    let answer = prelo.call(&["status", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
    status["runs"].as_array().is_some_and(|runs| !runs.is_empty())
}

#[test]
fn failures_are_made_due_only_by_who_knows_the_token_and_only_from_here() {
    let prelo = read();
    let server = Server::start(&prelo, &[]);
    let form = "form=&code=NOT_A_PDF";
    let without_session = post(&server, "/painel/reprocessar", &[], &format!("{form}&lang=en"));
    assert_eq!(without_session.status, 403);
    assert!(without_session.body.contains("Enter the token first"), "{}", without_session.body);
    let wrong = post(&server, "/painel/entrar", &[], "token=segredo-2");
    assert!(wrong.status == 303 && wrong.header("set-cookie").is_empty(), "{wrong:?}");
    assert!(http::get(&server.host, wrong.header("location")).body.contains("não confere"));
    let from_elsewhere = post(&server, "/painel/entrar", &["Sec-Fetch-Site: cross-site"], &format!("token={TOKEN}"));
    assert_eq!(from_elsewhere.status, 403);

    let entered = post(&server, "/painel/entrar", &["Sec-Fetch-Site: same-origin"], &format!("token={TOKEN}"));
    let cookie = entered.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"), "it would not come back to this address: {cookie}");
    let encrypted = post(&server, "/painel/entrar", &["X-Forwarded-Proto: https"], &format!("token={TOKEN}"));
    assert!(encrypted.header("set-cookie").ends_with("; Secure"), "{encrypted:?}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let page = http::ask(&server.host, "GET", "/painel", &[&cookie], "").unwrap();
    assert!(page.body.contains("Tentar de novo"), "{}", page.body);
    let word = page.body.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap();

    assert_eq!(post(&server, "/painel/reprocessar", &[&cookie], form).status, 403, "a cookie alone is not enough");
    let whole = format!("form={word}&code=NOT_A_PDF");
    let forged = post(&server, "/painel/reprocessar", &[&cookie, "Sec-Fetch-Site: same-site"], &whole);
    assert_eq!(forged.status, 403);
    let unknown = post(&server, "/painel/reprocessar", &[&cookie], &format!("form={word}&code=NONE"));
    assert_eq!(unknown.status, 400);
    let done = post(&server, "/painel/reprocessar", &[&cookie], &whole);
    assert_eq!(done.status, 303, "{done:?}");
    let told = http::ask(&server.host, "GET", done.header("location"), &[&cookie], "").unwrap();
    assert!(told.body.contains("diário com NOT_A_PDF será lido de novo"), "{}", told.body);
    let large = post(&server, "/painel/reprocessar", &[&cookie], &"x".repeat(10_000));
    assert_eq!(large.status, 413);

    let folder = fixtures();
    let answer = prelo.call(&["run", "--folder", folder.to_str().unwrap(), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(report["failed"]["NOT_A_PDF"].as_u64().unwrap() > 0, "it was read again: {report}");
    assert_eq!(report["selected"], report["failed"]["NOT_A_PDF"], "and nothing else: {report}");

    let left = post(&server, "/painel/sair", &[&cookie], "");
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(post(&server, "/painel/reprocessar", &[&cookie], &whole).status, 403, "the session is over");
    // A script shows the token each time instead.
    let scripted = post(&server, "/painel/reprocessar", &[], &format!("token={TOKEN}&code=NOT_A_PDF"));
    assert_eq!(scripted.status, 303);

    let without = Prelo::new();
    without.call(&["run", "--folder", folder.to_str().unwrap()]);
    let closed = Server::start(&without, &[]);
    assert_eq!(post(&closed, "/painel/reprocessar", &[], "token=&code=NOT_A_PDF").status, 403);
    assert!(!http::get(&closed.host, "/painel").body.contains("Código de acesso"));
}

#[test]
fn machines_ask_whether_it_lives_and_whether_it_is_ready() {
    let prelo = read();
    let server = Server::start(&prelo, &[]);
    assert_eq!(http::get(&server.host, "/healthz").status, 200);
    let ready = http::get(&server.host, "/readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &true.into()), "{ready:?}");

    let runs = http::get(&server.host, "/api/v1/runs").json();
    let run = &runs["runs"][0];
    assert_eq!((&run["counts"]["indexed"], &run["selection"]["mode"]), (&12.into(), &"unprocessed".into()));
    assert_eq!(http::get(&server.host, "/api/v1/runs?limit=1").json()["runs"].as_array().unwrap().len(), 1);
    for path in ["/api/v1/runs?limit=0", "/api/v1/runs?limit=x", "/api/v1/runs?offset=1"] {
        let wrong = http::get(&server.host, path);
        assert_eq!((wrong.status, wrong.header("content-type")), (400, "application/problem+json"), "{path}");
    }
    assert_eq!(http::get(&server.host, "/api/v1/runs/none").status, 404);
    let document = http::get(&server.host, "/api/v1/openapi.json").json();
    for path in ["/api/v1/runs", "/api/v1/runs/{id}"] {
        assert!(document["paths"][path]["get"]["responses"]["200"].is_object(), "{path}");
    }

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let index = format!("opensearch+http://{nobody}/gazettes");
    let lame = Server::start(&prelo, &["--index", &index]);
    assert_eq!(http::get(&lame.host, "/healthz").status, 200);
    let ready = http::get(&lame.host, "/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["dependencies"], serde_json::json!({ "catalog": true, "storage": true, "index": false }));
    assert!(!ready.body.contains(&nobody.to_string()), "where it is, is nobody's business: {}", ready.body);
    let metrics = http::get(&lame.host, "/metrics");
    assert!(metrics.body.contains(r#"prelo_dependency_up{service="index"} 0"#), "{}", metrics.body);
}
