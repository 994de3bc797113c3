//! The same binary against real PostgreSQL, S3 and OpenSearch: thousands of rows, none lost, none twice.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use support::http::{ask, get};
use support::servers::{Row, World, gazettes, md5_of};
use support::serving::Server;
use support::{fixtures, shared};
use time::macros::date;

mod support;

const ROWS: usize = 2_500;

/// Each of the real gazettes once, the others over the smaller half of them: an index of every one of 2,500 large
/// texts would take the search engine many minutes.
fn rows(files: &[(String, Vec<u8>)], count: usize) -> Vec<Row> {
    let checksums: Vec<String> = files.iter().map(|(_, content)| md5_of(content)).collect();
    let small = files.len() / 4;
    (0..count)
        .map(|n| {
            let file = if n < files.len() { n } else { n % small };
            Row {
                territory: if n % 2 == 0 { "2704302" } else { "3106200" }.to_owned(),
                date: date!(2015 - 01 - 01) + time::Duration::DAY * u32::try_from(n / 2).unwrap(),
                checksum: checksums[file].clone(),
                path: format!("{}/{}", if n % 2 == 0 { "2704302" } else { "3106200" }, files[file].0),
            }
        })
        .collect()
}

/// Rows of one file, on as many days from the first of January on.
fn on_days(path: &str, content: &[u8], days: u32) -> Vec<Row> {
    (0..days)
        .map(|day| Row {
            territory: "2704302".into(),
            date: date!(2024 - 01 - 01) + time::Duration::DAY * day,
            checksum: md5_of(content),
            path: path.into(),
        })
        .collect()
}

async fn uploaded(world: &World, files: &[(String, Vec<u8>)]) {
    for (name, content) in files {
        for territory in ["2704302", "3106200"] {
            world.upload(&format!("{territory}/{name}"), content.clone()).await;
        }
    }
}

/// Every row ends in the index once and marked, with at most one HEAD and one GET a row.
async fn quiet_backlog(paging: &str) {
    let Some(folder) = shared("gazettes") else { return };
    let Some(world) = World::new(paging).await else { return };
    let files = gazettes(&folder);
    uploaded(&world, &files).await;
    let rows = rows(&files, ROWS);
    let ids: BTreeSet<i64> = world.insert(&rows).await.into_iter().collect();
    let before = world.requests();

    let prelo = world.prelo();
    let report = prelo.json(0, &["run", "--paging", paging, "--report", "report.json"]);
    assert_eq!(
        (&report["selected"], &report["indexed"], &report["remaining"]),
        (&json!(ROWS), &json!(ROWS), &json!(0))
    );
    assert_eq!(world.processed().await, ids);
    assert_eq!(world.documents().await.into_keys().collect::<BTreeSet<_>>(), ids);
    assert_eq!(world.count_documents().await, ROWS as u64);

    if let (Some(before), Some(after)) = (before, world.requests()) {
        for operation in ["s3_HeadObject", "s3_GetObject"] {
            for path in rows.iter().map(|row| &row.path).collect::<BTreeSet<_>>() {
                let of_key = (operation.to_owned(), path.clone());
                let wanted = rows.iter().filter(|row| row.path == *path).count() as u64;
                let count = |log: &std::collections::BTreeMap<_, _>| log.get(&of_key).copied().unwrap_or(0);
                let seen = count(&after) - count(&before);
                assert_eq!(seen, wanted, "{operation} of {path}: one for each of its rows");
            }
        }
    }

    let again = prelo.json(0, &["run", "--paging", paging]);
    assert_eq!(again["selected"], 0, "a second run has nothing to do");
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_by_offset_loses_nothing() {
    quiet_backlog("offset").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_by_keyset_loses_nothing() {
    quiet_backlog("keyset").await;
}

/// What a journalist and an operator see, over PostgreSQL, S3 and OpenSearch.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_those_of_a_folder() {
    let Some(world) = World::new("pages").await else { return };
    let content = std::fs::read(fixtures().join("serra-clara/camara-118.pdf")).unwrap();
    let path = "2704302/camara-118.pdf";
    world.upload(path, content.clone()).await;
    let ids = world.insert(&on_days(path, &content, 12)).await;
    let prelo = world.prelo();
    assert_eq!(prelo.json(0, &["run"])["indexed"], 12);
    let server = Server::start(&prelo, &[]);
    let get = |path: &str| {
        let reply = get(&server.host, path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    };

    let page = get("/?q=%22f%C3%B3rmulas+infantis%22&sort=newest");
    for part in ["<strong>12</strong>", "<mark>fórmulas</mark>", "Maceió", "12/01/2024", "/file#page=1", "page=2"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let second = get("/?q=%22f%C3%B3rmulas+infantis%22&sort=newest&page=2");
    assert!(second.contains("01/01/2024") && !second.contains("12/01/2024"), "{second}");
    let by_filter = get("/?state=AL&from=2024-01-05&to=2024-01-06");
    assert!(by_filter.contains("<strong>2</strong>"), "{by_filter}");
    let table = get("/search.csv?q=infantis");
    assert!((1..=12).all(|day| table.contains(&format!("2024-01-{day:02}"))), "{table}");
    assert_eq!(get("/search.atom?q=infantis").matches("<entry>").count(), 12);

    let id = ids[0];
    let gazette = get(&format!("/gazettes/{id}?q=infantis"));
    assert!(gazette.contains("<mark>infantis</mark>") && gazette.contains("01/01/2024"), "{gazette}");
    let part = ask(&server.host, "GET", &format!("/gazettes/{id}/file"), &["Range: bytes=0-4"], "").unwrap();
    assert_eq!((part.status, part.body.as_str()), (206, "%PDF-"), "{}", part.head);
    assert!(part.header("content-range").ends_with(&format!("/{}", content.len())), "{}", part.head);

    let dashboard = get("/painel");
    assert!(dashboard.contains("id=\"history\"") && dashboard.contains("12"), "{dashboard}");
    assert!(get("/metrics").contains("prelo_"));
    get("/readyz");
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_inserted_deleted_and_flipped_meanwhile_hide_no_gazette() {
    let Some(folder) = shared("gazettes") else { return };
    let Some(world) = World::new("churn").await else { return };
    let files = gazettes(&folder);
    uploaded(&world, &files).await;
    let all = rows(&files, ROWS + 200);
    world.insert(&all[..ROWS]).await;

    let prelo = world.prelo();
    let mut child = prelo.spawn(&["run", "--page-size", "100"]);
    let mut flipped_back = 0;
    let mut inserted = ROWS;
    for _ in 0..20 {
        if inserted < all.len() {
            world.insert(&all[inserted..inserted + 20]).await;
            inserted += 20;
        }
        world
            .execute("DELETE FROM gazettes WHERE id IN (SELECT id FROM gazettes WHERE NOT processed ORDER BY random() LIMIT 5)")
            .await;
        // Somebody else's mark on rows that wait; they are noted by their edition.
        world
            .execute(
                "UPDATE gazettes SET processed = true, edition_number = 'theirs' WHERE id IN
                 (SELECT id FROM gazettes WHERE NOT processed ORDER BY random() LIMIT 5)",
            )
            .await;
        flipped_back += world
            .execute(
                "UPDATE gazettes SET processed = false WHERE id IN (SELECT id FROM gazettes
                 WHERE processed AND edition_number = '7' ORDER BY random() LIMIT 5)",
            )
            .await;
        if child.try_wait().unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let answer: support::Answer = child.wait_with_output().unwrap().into();
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    assert!(flipped_back > 0, "the run was too quick to be disturbed");
    let original = world.number("SELECT count(*) FROM gazettes WHERE id <= 2500 AND NOT processed").await;
    assert!(original <= i64::try_from(flipped_back).unwrap(), "{original} of the first rows were passed over");

    let report = prelo.json(0, &["run"]);
    assert_eq!(report["remaining"], 0);
    assert_eq!(world.number("SELECT count(*) FROM gazettes WHERE NOT processed").await, 0);
    let documents: BTreeSet<i64> = world.documents().await.into_keys().collect();
    let own: Vec<i32> =
        sqlx::query_scalar("SELECT id FROM gazettes WHERE edition_number = '7'").fetch_all(&world.pool).await.unwrap();
    let missing: Vec<&i32> = own.iter().filter(|id| !documents.contains(&i64::from(**id))).collect();
    assert!(missing.is_empty(), "marked and not in the index: {missing:?}");
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reprocessing_by_date_touches_exactly_its_rows() {
    let Some(world) = World::new("dates").await else { return };
    let text = "Portaria nº 1: homologa o pregão eletrônico.".as_bytes().to_vec();
    world.upload("2704302/a.txt", text.clone()).await;
    let rows = on_days("2704302/a.txt", &text, 40);
    let ids = world.insert(&rows).await;
    let prelo = world.prelo();
    let first = prelo.json(0, &["run"])["run_id"].as_str().unwrap().to_owned();
    let second = prelo.json(0, &["reprocess", "--from", "2024-01-11", "--to", "2024-01-20"]);
    assert_eq!((&second["selected"], &second["indexed"]), (&json!(10), &json!(10)));
    let second = second["run_id"].as_str().unwrap();
    for (id, run) in world.documents().await {
        let n = ids.iter().position(|other| *other == id).unwrap();
        assert_eq!(run, if (10..20).contains(&n) { second } else { &first }, "gazette {id}, day {n}");
    }
    assert_eq!(world.number("SELECT count(*) FROM prelo_gazettes WHERE state = 'indexed'").await, 40);
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_the_text_are_what_readers_expect() {
    let Some(world) = World::new("document").await else { return };
    let content = "Secretaria de Saúde\u{c}Extrato do pregão eletrônico nº 12/2024".as_bytes().to_vec();
    world.upload("2704302/2024-05-06/diário 1.txt", content.clone()).await;
    let row = Row {
        territory: "2704302".into(),
        date: date!(2024 - 05 - 06),
        checksum: md5_of(&content),
        path: "2704302/2024-05-06/diário 1.txt".into(),
    };
    let id = world.insert(&[row]).await[0];
    world.execute("UPDATE gazettes SET edition_number = NULL, scraped_at = NULL").await;
    let prelo = world.prelo();
    prelo.expect(0, &["run"]);
    let answer = world.search(json!({"query": {"match_phrase": {"source_text": "pregão eletrônico"}}})).await;
    let hit = &answer["hits"]["hits"][0];
    assert_eq!(hit["_id"], id.to_string());
    let source = &hit["_source"];
    for (field, value) in [
        ("date", json!("2024-05-06")),
        ("edition_number", json!("")),
        ("power", json!("executive")),
        ("file_path", json!("2704302/2024-05-06/diário 1.txt")),
        ("url", json!("http://files.example/bucket/2704302/2024-05-06/diário 1.txt")),
        ("file_raw_txt", json!("http://files.example/bucket/2704302/2024-05-06/diário 1.txt.txt")),
        ("processed", json!(true)),
        ("territory_id", json!("2704302")),
        ("territory_name", json!("Maceió")),
        ("state_code", json!("AL")),
    ] {
        assert_eq!(source[field], value, "{field} in {source}");
    }
    assert_eq!(source["scraped_at"], source["created_at"], "a missing moment falls back to the other");
    assert!(source["source_text"].as_str().unwrap().contains("Secretaria de Saúde\u{c}Extrato"));
    assert_eq!(source["prelo"]["pages"], 2);
    let text = world.object("2704302/2024-05-06/diário 1.txt.txt").await.unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), source["source_text"].as_str().unwrap());

    let found = prelo.json(0, &["search", "\"pregão eletrônico\""]);
    assert_eq!(found["hits"][0]["passages"][0]["page"], 2, "{found}");
    for finding in prelo.json(0, &["check"]).as_array().unwrap() {
        assert_eq!(finding["ok"], true, "{finding}");
    }
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_has_a_code_and_its_neighbours_are_indexed() {
    let Some(world) = World::new("failures").await else { return };
    let text = "Decreto nº 5: nomeia.".as_bytes().to_vec();
    world.upload("2704302/good.txt", text.clone()).await;
    world.upload("2704302/wrong-md5.txt", b"Outro texto.".to_vec()).await;
    world.upload("2704302/empty.pdf", Vec::new()).await;
    let row = |path: &str, day: u8| Row {
        territory: "2704302".into(),
        date: date!(2024 - 01 - 01).replace_day(day).unwrap(),
        checksum: md5_of(&text),
        path: path.into(),
    };
    let ids = world
        .insert(&[
            row("2704302/good.txt", 1),
            row("2704302/missing.txt", 2),
            row("2704302/wrong-md5.txt", 3),
            row("2704302/empty.pdf", 4),
            row("2704302/good.txt", 5),
            row("", 6),
        ])
        .await;
    // A row whose territory is gone must not be dropped by a join.
    world.execute("ALTER TABLE gazettes DROP CONSTRAINT gazettes_territory_id_fkey").await;
    world.execute("UPDATE gazettes SET territory_id = '999' WHERE date = '2024-01-05'").await;
    let prelo = world.prelo().with("PRELO_RETRY_MIN_DELAY_MS", "1");
    let report = prelo.json(3, &["run"]);
    assert_eq!(report["indexed"], 1);
    assert_eq!(
        report["failed"],
        json!({"CHECKSUM": 1, "EMPTY_OBJECT": 1, "MISSING_FILE_PATH": 1, "NOT_FOUND": 1, "UNKNOWN_TERRITORY": 1})
    );
    assert_eq!(world.processed().await, BTreeSet::from([ids[0]]));
    assert_eq!(world.count_documents().await, 1);
    let explained = prelo.json(0, &["explain", &ids[1].to_string()]);
    assert_eq!(explained["state"]["failure_code"], "NOT_FOUND");

    world.execute("UPDATE gazettes SET territory_id = '2704302' WHERE territory_id = '999'").await;
    world.upload("2704302/missing.txt", text.clone()).await;
    let report = prelo.json(0, &["reprocess", "--failed", "NOT_FOUND"]);
    assert_eq!((&report["selected"], &report["indexed"]), (&json!(1), &json!(1)));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_stops_the_run_and_marks_nothing() {
    let Some(world) = World::new("down").await else { return };
    let text = b"Portaria.".to_vec();
    world.upload("2704302/a.txt", text.clone()).await;
    let rows = on_days("2704302/a.txt", &text, 5);
    world.insert(&rows).await;
    for (variable, value) in [
        ("OPENSEARCH_HOST", "http://127.0.0.1:1"),
        ("STORAGE_ENDPOINT", "http://127.0.0.1:1"),
        ("STORAGE_ACCESS_SECRET", "hunter2"),
        ("STORAGE_BUCKET", "no-such-bucket-of-ours"),
        ("POSTGRES_PASSWORD", "hunter2"),
    ] {
        let prelo = world
            .prelo()
            .with(variable, value)
            .with("PRELO_RETRY_MIN_DELAY_MS", "1")
            .with("PRELO_RETRY_MAX_DELAY_MS", "5");
        let answer = prelo.expect(4, &["run"]);
        assert_eq!(world.processed().await.len(), 0, "{variable}");
        let all = answer.stdout + &answer.stderr;
        assert!(!all.contains("hunter2"), "{variable}: a secret was told:\n{all}");
        let check = prelo.json(4, &["check"]);
        let wrong: Vec<_> = check.as_array().unwrap().iter().filter(|finding| finding["ok"] == false).collect();
        assert_eq!(wrong.len(), 1, "{variable}: {check}");
    }
    let failed = world.number("SELECT count(*) FROM prelo_gazettes WHERE state = 'failed'").await;
    assert_eq!(failed, 0, "what a service does is no gazette's failure");
    assert_eq!(world.prelo().json(0, &["run"])["indexed"], 5);
    world.remove().await;
}
