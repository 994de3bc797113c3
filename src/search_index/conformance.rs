//! What every index must do, run against each: Tantivy in a folder always, OpenSearch where `PRELO_TEST_INDEX` says.

use std::future::Future;

use time::macros::date;

use super::document::{Links, Provenance, tests::gazette};
use super::opensearch::{OpenSearchIndex, tests as server};
use super::tantivy::TantivyIndex;
use super::*;
use crate::gazette::{Gazette, Territory};

macro_rules! conformance {
    ($($name:ident)+) => {
        mod on_tantivy {
            $(#[tokio::test] async fn $name() { super::on_tantivy(|index| super::$name(index)).await; })+
        }
        mod on_opensearch {
            $(#[tokio::test] async fn $name() { super::on_opensearch(stringify!($name), |index| super::$name(index)).await; })+
        }
    };
}

conformance! {
    a_missing_index_is_said_to_be_missing
    preparing_twice_changes_nothing
    a_document_is_found_again
    the_same_id_replaces
    an_empty_bulk_is_nothing
    bulks_at_once
    documents_are_looked_up_by_gazette
    documents_are_listed_page_by_page
    removed_documents_are_gone
    a_version_takes_the_place_of_another
    what_is_there_is_not_added
    a_version_can_be_given_up
    going_back_brings_along_what_was_written_since
    words_are_found_in_all_their_forms
    phrases_are_found_as_phrases
    alternatives_and_exclusions
    passages_show_page_and_words
    filters_narrow
    extra_editions_and_powers
    dates_are_an_order
    filters_alone_list_the_newest_first
    pages_of_hits_follow_one_another
    what_matches_is_counted_by_territory_and_month
    passages_can_be_had_later
    a_document_without_a_date
    odd_queries_do_no_harm
    long_texts_are_found_to_their_end
}

async fn on_tantivy<F: Future>(test: impl FnOnce(Box<dyn SearchIndex>) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below/index");
    test(Box::new(TantivyIndex::open(path.clone()).await.unwrap())).await;
}

async fn on_opensearch<F: Future>(name: &str, test: impl FnOnce(Box<dyn SearchIndex>) -> F) {
    let Some(url) = server::url(name) else { return };
    let cleanup = server::Cleanup(url);
    test(Box::new(OpenSearchIndex::new(&cleanup.0, server::settings()).unwrap())).await;
}

fn document(gazette: &Gazette, text: &str) -> Document {
    let prelo = Provenance {
        extractor_version: 3,
        pages: 2,
        ocr_pages: 1,
        ocr_page_numbers: "2".into(),
        ocr_confidence: Some(0.75),
        quality: Some(0.5),
        run_id: "run-1".into(),
        indexed_at: "2026-01-02T03:04:05Z".into(),
    };
    let links = Links { files_endpoint: "https://files.example".into(), relative: false };
    Document::new(gazette, text.into(), "k.pdf.txt", &links, prelo)
}

/// Prepares the index and writes a text for each id from 1.
async fn filled(index: &dyn SearchIndex, texts: &[&str]) {
    let documents: Vec<Document> = (1..).zip(texts).map(|(id, text)| document(&gazette(id), text)).collect();
    write(index, &documents).await;
}

async fn write(index: &dyn SearchIndex, documents: &[Document]) {
    index.prepare().await.unwrap();
    let outcomes = index.bulk(&documents.iter().collect::<Vec<_>>()).await.unwrap();
    assert_eq!(outcomes, vec![ItemOutcome::Acknowledged; documents.len()]);
    index.refresh().await.unwrap();
}

fn asked(text: &str) -> SearchQuery {
    SearchQuery { text: text.into(), limit: 10, ..SearchQuery::default() }
}

/// The ids that a query finds, in order.
async fn ids(index: &dyn SearchIndex, query: &SearchQuery) -> Vec<i64> {
    let results = index.search(query).await.unwrap_or_else(|error| panic!("{query:?}: {error:?}"));
    let mut ids: Vec<i64> = results.hits.iter().map(|hit| hit.id.0).collect();
    assert_eq!(results.total, ids.len() as u64, "{query:?}");
    ids.sort_unstable();
    ids
}

async fn a_missing_index_is_said_to_be_missing(index: Box<dyn SearchIndex>) {
    index.check().await.unwrap();
    let document = document(&gazette(1), "x");
    for error in [
        index.search(&asked("casa")).await.unwrap_err(),
        index.find(GazetteId(1)).await.unwrap_err(),
        index.count().await.unwrap_err(),
        index.refresh().await.unwrap_err(),
        index.held(&[GazetteId(1)]).await.unwrap_err(),
        index.entries(None, 10).await.unwrap_err(),
        index.remove(&["1".into()]).await.unwrap_err(),
        index.bulk(&[&document]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind, SearchIndexErrorKind::NotThere, "{error}");
        assert!(error.to_string().contains("`prelo run`"), "{error}");
    }
    index.prepare().await.unwrap();
    assert_eq!(index.bulk(&[&document]).await.unwrap(), [ItemOutcome::Acknowledged]);
}

async fn preparing_twice_changes_nothing(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa"]).await;
    index.prepare().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 1);
    assert!(index.check().await.unwrap().contains('.'), "a version");
}

async fn a_document_is_found_again(index: Box<dyn SearchIndex>) {
    let written = document(&gazette(7), "uma casa");
    write(&*index, std::slice::from_ref(&written)).await;
    assert_eq!(index.find(GazetteId(7)).await.unwrap(), Some(written.prelo));
    assert_eq!(index.find(GazetteId(8)).await.unwrap(), None);
    let results = index.search(&asked("casa")).await.unwrap();
    let hit = &results.hits[0];
    assert!(hit.score > 0.0);
    let expected = Hit {
        id: GazetteId(7),
        date: Some("2024-03-05".into()),
        territory_id: "2704302".into(),
        territory_name: "Maceió".into(),
        state_code: "AL".into(),
        edition_number: "1234-A".into(),
        is_extra_edition: Some(false),
        power: "executive".into(),
        file_path: "2704302/2024-03-05/a b.pdf".into(),
        url: "https://files.example/2704302/2024-03-05/a b.pdf".into(),
        score: hit.score,
        passages: vec![Passage { page: 1, text: "uma casa".into(), highlights: vec![(4, 8)], is_cut: (false, false) }],
        handle: hit.handle.clone(),
    };
    assert_eq!((results.total, hit), (1, &expected));
}

async fn the_same_id_replaces(index: Box<dyn SearchIndex>) {
    filled(&*index, &["velho", "outro"]).await;
    let (first, second) = (document(&gazette(1), "primeiro"), document(&gazette(1), "novo"));
    index.bulk(&[&first, &second]).await.unwrap();
    index.refresh().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 2);
    assert_eq!(ids(&*index, &asked("velho OR primeiro")).await, [0_i64; 0]);
    assert_eq!(ids(&*index, &asked("novo")).await, [1]);
}

async fn an_empty_bulk_is_nothing(index: Box<dyn SearchIndex>) {
    index.prepare().await.unwrap();
    assert_eq!(index.bulk(&[]).await.unwrap(), []);
    assert_eq!(index.count().await.unwrap(), 0);
}

async fn bulks_at_once(index: Box<dyn SearchIndex>) {
    index.prepare().await.unwrap();
    let bulks: Vec<Vec<Document>> =
        (0..4).map(|bulk| (0..25).map(|n| document(&gazette(bulk * 20 + n), "casa")).collect()).collect();
    let writes = bulks.iter().map(|bulk| {
        let index = &index;
        async move { index.bulk(&bulk.iter().collect::<Vec<_>>()).await.unwrap() }
    });
    for outcomes in futures_util::future::join_all(writes).await {
        assert_eq!(outcomes, vec![ItemOutcome::Acknowledged; 25]);
    }
    index.refresh().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 85, "they overlap by five");
}

async fn documents_are_looked_up_by_gazette(index: Box<dyn SearchIndex>) {
    let documents: Vec<Document> = [5, 7, 1_000_000_000_000].map(|id| document(&gazette(id), "casa")).into();
    write(&*index, &documents).await;
    // Not refreshed: what was acknowledged is there.
    let changed = Gazette { file_checksum: Some("another".into()), ..gazette(7) };
    index.bulk(&[&document(&changed, "prédio")]).await.unwrap();
    let mut held = index.held(&[7, 6, 1_000_000_000_000].map(GazetteId)).await.unwrap();
    held.sort_by_key(|held| held.gazette);
    let of = |id: i64, file_checksum: &str| Held {
        gazette: GazetteId(id),
        key: id.to_string(),
        file_checksum: file_checksum.into(),
        copies: 1,
    };
    let unchanged = gazette(1).file_checksum.unwrap();
    assert_eq!(held, [of(7, "another"), of(1_000_000_000_000, &unchanged)]);
    assert!(held.iter().all(Held::is_in_its_place));
    assert_eq!(index.held(&[]).await.unwrap(), []);
    assert_eq!(index.held(&[GazetteId(6)]).await.unwrap(), []);
}

async fn documents_are_listed_page_by_page(index: Box<dyn SearchIndex>) {
    let ids: Vec<i64> = (1..=25).map(|n| n * 7 - 30).collect();
    for some in ids.chunks(6) {
        write(&*index, &some.iter().map(|id| document(&gazette(*id), "casa")).collect::<Vec<_>>()).await;
    }
    for limit in [1, 4, 25, 100] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = index.entries(after.as_deref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            assert!(page.iter().all(|entry| entry.by_prelo && entry.is_in_its_place()), "{page:?}");
            listed.extend(page.iter().filter_map(|entry| entry.gazette).map(|id| id.0));
        }
        listed.sort_unstable();
        assert_eq!(listed, ids, "every document once, in pages of {limit}");
    }
}

async fn removed_documents_are_gone(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa", "casa", "casa"]).await;
    let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
    index.remove(&keys(&["1", "3", "99"])).await.unwrap();
    assert_eq!(ids(&*index, &asked("casa")).await, [2]);
    assert_eq!(index.count().await.unwrap(), 1);
    index.remove(&keys(&["1"])).await.unwrap();
    index.remove(&[]).await.unwrap();
    let rest = index.entries(None, 10).await.unwrap();
    assert_eq!(rest.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["2"]);
}

async fn a_version_takes_the_place_of_another(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa", "casa"]).await;
    let versions = index.versions().unwrap();
    let before = versions.named().await.unwrap();
    assert_eq!((before.next, before.previous), (None, None));
    let first = before.current.unwrap();

    versions.begin("2026-01-02T03:04:05Z").await.unwrap();
    let next = versions.named().await.unwrap().next.unwrap();
    assert_eq!((next.changed_since.as_deref(), next.back), (Some("2026-01-02T03:04:05Z"), false));
    assert_ne!(next.name, first);
    let version = versions.next().await.unwrap();
    version.refresh().await.unwrap();
    assert_eq!(version.count().await.unwrap(), 0);
    assert_eq!(ids(&*index, &asked("casa")).await, [1, 2], "the one before is searched");

    // Whoever writes, writes to both.
    write(&*index, &[document(&gazette(3), "casa")]).await;
    index.remove(&["1".to_owned()]).await.unwrap();
    version.refresh().await.unwrap();
    assert_eq!((index.count().await.unwrap(), version.count().await.unwrap()), (2, 1));

    versions.switch().await.unwrap();
    let named = versions.named().await.unwrap();
    assert_eq!(named, Named { current: Some(next.name), next: None, previous: Some(first.clone()) });
    assert_eq!(ids(&*index, &asked("casa")).await, [3]);
    write(&*index, &[document(&gazette(4), "casa")]).await;
    assert_eq!(ids(&*index, &asked("casa")).await, [3, 4]);
    assert_eq!(versions.switch().await.unwrap_err().kind, SearchIndexErrorKind::NotThere);

    assert_eq!(versions.discard(Which::Previous).await.unwrap(), Some(first));
    assert_eq!(versions.discard(Which::Previous).await.unwrap(), None);
    assert_eq!(ids(&*index, &asked("casa")).await, [3, 4]);
    assert_eq!(versions.begin_back("x").await.unwrap_err().kind, SearchIndexErrorKind::NotThere);
}

async fn what_is_there_is_not_added(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa"]).await;
    let versions = index.versions().unwrap();
    versions.begin("2026-01-02T03:04:05Z").await.unwrap();
    let version = versions.next().await.unwrap();
    write(&*index, &[document(&gazette(1), "mais novo")]).await;
    let (old, other) = (document(&gazette(1), "velho"), document(&gazette(2), "velho"));
    assert_eq!(version.add(&[&old, &other]).await.unwrap(), vec![ItemOutcome::Acknowledged; 2]);
    assert_eq!(version.add(&[&old, &other]).await.unwrap(), vec![ItemOutcome::Acknowledged; 2]);
    assert_eq!(version.add(&[]).await.unwrap(), []);
    version.refresh().await.unwrap();
    assert_eq!(ids(&*version, &asked("novo")).await, [1]);
    assert_eq!(ids(&*version, &asked("velho")).await, [2]);
    version.bulk(&[&old]).await.unwrap();
    version.refresh().await.unwrap();
    assert_eq!(ids(&*version, &asked("velho")).await, [1, 2], "a bulk replaces");
    assert_eq!(ids(&*index, &asked("velho")).await, [0_i64; 0], "the other is left alone");
}

async fn a_version_can_be_given_up(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa"]).await;
    let versions = index.versions().unwrap();
    versions.begin("2026-01-02T03:04:05Z").await.unwrap();
    let name = versions.named().await.unwrap().next.unwrap().name;
    let version = versions.next().await.unwrap();
    assert_eq!(versions.discard(Which::Next).await.unwrap(), Some(name.clone()));
    write(&*index, &[document(&gazette(2), "casa")]).await;
    assert_eq!(ids(&*index, &asked("casa")).await, [1, 2]);
    let written = version.bulk(&[&document(&gazette(3), "casa")]).await;
    assert!(written.is_err(), "nobody makes an index anew that was given up: {written:?}");
    versions.begin("2026-01-02T03:04:06Z").await.unwrap();
    let next = versions.named().await.unwrap().next.unwrap();
    assert_eq!(next.name, name, "its name is free again");
    assert_eq!(next.changed_since.as_deref(), Some("2026-01-02T03:04:06Z"));
}

async fn going_back_brings_along_what_was_written_since(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa"]).await;
    let versions = index.versions().unwrap();
    let first = versions.named().await.unwrap().current;
    versions.begin("2026-01-02T03:04:05Z").await.unwrap();
    let second = versions.named().await.unwrap().next.unwrap().name;
    versions.switch().await.unwrap();
    write(&*index, &[document(&gazette(2), "casa")]).await;

    versions.begin_back("2026-01-03T03:04:05Z").await.unwrap();
    let next = versions.named().await.unwrap().next.unwrap();
    assert_eq!((Some(next.name), next.back), (first.clone(), true));
    assert_eq!(next.changed_since.as_deref(), Some("2026-01-02T03:04:05Z"), "since the second was written to");
    write(&*index, &[document(&gazette(3), "casa")]).await;
    versions.switch().await.unwrap();
    assert_eq!(ids(&*index, &asked("casa")).await, [1, 3], "2 was for whoever goes back to bring along");
    let named = versions.named().await.unwrap();
    assert_eq!((named.current, named.previous), (first, Some(second)));

    versions.begin_back("2026-01-04T03:04:05Z").await.unwrap();
    let next = versions.named().await.unwrap().next.unwrap();
    assert_eq!(next.changed_since.as_deref(), Some("2026-01-03T03:04:05Z"));
}

async fn words_are_found_in_all_their_forms(index: Box<dyn SearchIndex>) {
    filled(&*index, &["O PREGÃO ELETRÔNICO nº 001/2024", "as licitações do município", "nomeação de cada servidor"])
        .await;
    for (query, expected) in [
        ("pregão eletrônico", [1]),
        ("pregao eletronico", [1]),
        ("pregões eletrônicos", [1]),
        ("PREGAO", [1]),
        ("licitação", [2]),
        ("licitacao municipios", [2]),
        ("nomeações", [3]),
        ("servidores", [3]),
        ("001/2024", [1]),
        ("a nomeação de o servidor", [3]),
        ("cada servidor", [3]),
    ] {
        let results = index.search(&asked(query)).await.unwrap();
        assert_eq!(results.hits.iter().map(|hit| hit.id.0).collect::<Vec<_>>(), expected, "{query}");
        let hit = &results.hits[0];
        assert!(hit.passages.iter().any(|passage| !passage.highlights.is_empty()), "{query}: {hit:?}");
    }
    assert_eq!(ids(&*index, &asked("pregão nomeação")).await, [0_i64; 0], "all words must occur");
}

async fn phrases_are_found_as_phrases(index: Box<dyn SearchIndex>) {
    filled(&*index, &["a Secretaria de Saúde abre", "saúde da secretaria", "secretaria municipal de saúde"]).await;
    for (query, expected) in [
        ("\"secretaria de saude\"", vec![1]),
        ("secretaria saúde", vec![1, 2, 3]),
        ("\"secretaria municipal\"", vec![3]),
        ("\"municipal de saúde\" secretaria", vec![3]),
        ("\"secretaria saúde\"", vec![]),
    ] {
        assert_eq!(ids(&*index, &asked(query)).await, expected, "{query}");
    }
}

async fn alternatives_and_exclusions(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa verde", "casa azul", "prédio verde"]).await;
    for (query, expected) in [
        ("casa OR prédio", vec![1, 2, 3]),
        ("casa OR prédio verde", vec![1, 3]),
        ("casa -azul", vec![1]),
        ("verde -\"casa verde\"", vec![3]),
    ] {
        assert_eq!(ids(&*index, &asked(query)).await, expected, "{query}");
    }
}

async fn passages_show_page_and_words(index: Box<dyn SearchIndex>) {
    let filler = "palavrório sem interesse. ".repeat(40);
    let text =
        format!("Sumário\u{c}{filler}\u{c}{filler} A Secretaria de  Saúde\nabre PREGÃO. {filler}\u{c}pregão {filler}");
    filled(&*index, &[&text, "pregões da saúde"]).await;
    let results = index.search(&asked("\"secretaria de saúde\" pregao")).await.unwrap();
    assert_eq!(results.total, 1);
    let passages = &results.hits[0].passages;
    assert_eq!(passages.iter().map(|passage| passage.page).collect::<Vec<_>>(), [3, 4]);
    assert!(passages[0].text.contains("A Secretaria de Saúde abre PREGÃO."), "{passages:?}");
    let words = |passage: &Passage| -> Vec<String> {
        passage.highlights.iter().map(|&(from, to)| passage.text[from..to].to_owned()).collect()
    };
    assert_eq!(words(&passages[0]), ["Secretaria", "Saúde", "PREGÃO"]);
    assert_eq!(words(&passages[1]), ["pregão"]);
}

async fn filters_narrow(index: Box<dyn SearchIndex>) {
    let at = |id, territory: &str, state: &str, date| Gazette {
        territory: Some(Territory { id: territory.into(), name: "N".into(), state_code: state.into() }),
        date: Some(date),
        ..gazette(id)
    };
    let gazettes = [
        at(1, "2704302", "AL", date!(2024 - 01 - 31)),
        at(2, "2704302", "AL", date!(2024 - 02 - 01)),
        at(3, "2700300", "AL", date!(2024 - 02 - 29)),
        at(4, "3106200", "MG", date!(1999 - 12 - 31)),
    ];
    write(&*index, &gazettes.map(|gazette| document(&gazette, "casa"))).await;
    let query = asked("casa");
    let territories = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
    for (query, expected) in [
        (query.clone(), vec![1, 2, 3, 4]),
        (SearchQuery { territories: territories(&["2704302"]), ..query.clone() }, vec![1, 2]),
        (SearchQuery { territories: territories(&["2700300", "3106200", "0"]), ..query.clone() }, vec![3, 4]),
        (SearchQuery { state: Some("AL".into()), ..query.clone() }, vec![1, 2, 3]),
        (SearchQuery { from: Some(date!(2024 - 02 - 01)), ..query.clone() }, vec![2, 3]),
        (SearchQuery { to: Some(date!(2024 - 02 - 01)), ..query.clone() }, vec![1, 2, 4]),
        (
            SearchQuery {
                from: Some(date!(2024 - 02 - 01)),
                to: Some(date!(2024 - 02 - 28)),
                state: Some("AL".into()),
                territories: territories(&["2704302"]),
                ..query.clone()
            },
            vec![2],
        ),
    ] {
        assert_eq!(ids(&*index, &query).await, expected, "{query:?}");
    }
    let limited = index.search(&SearchQuery { limit: 2, ..query.clone() }).await.unwrap();
    assert_eq!((limited.total, limited.hits.len()), (4, 2));
    let counted = index.search(&SearchQuery { limit: 0, ..query }).await.unwrap();
    assert_eq!((counted.total, counted.hits.len()), (4, 0));
}

async fn extra_editions_and_powers(index: Box<dyn SearchIndex>) {
    let of = |id, extra, power: Option<&str>| {
        let gazette = Gazette { is_extra_edition: extra, power: power.map(str::to_owned), ..gazette(id) };
        document(&gazette, "casa")
    };
    write(&*index, &[of(1, Some(true), Some("executive")), of(2, Some(false), Some("legislative")), of(3, None, None)])
        .await;
    let query = asked("casa");
    for (query, expected) in [
        (SearchQuery { extra: Some(true), ..query.clone() }, vec![1]),
        (SearchQuery { extra: Some(false), ..query.clone() }, vec![2, 3]),
        (SearchQuery { power: Some("legislative".into()), ..query.clone() }, vec![2]),
        (SearchQuery { power: Some("judicial".into()), ..query.clone() }, vec![]),
        (SearchQuery { power: Some("executive".into()), extra: Some(false), ..query.clone() }, vec![]),
    ] {
        assert_eq!(ids(&*index, &query).await, expected, "{query:?}");
    }
}

/// Five gazettes of three months and two territories; the last one has neither.
async fn spread(index: &dyn SearchIndex) {
    let territory = |id: &str, name: &str| Territory { id: id.into(), name: name.into(), state_code: "AL".into() };
    let (maceio, arapiraca) = (territory("2704302", "Maceió"), territory("2700300", "Arapiraca"));
    let at = |id, territory: &Territory, date| Gazette {
        territory: Some(territory.clone()),
        territory_id: Some(territory.id.clone()),
        date: Some(date),
        ..gazette(id)
    };
    let gazettes = [
        at(1, &maceio, date!(2024 - 03 - 31)),
        at(2, &arapiraca, date!(2023 - 12 - 01)),
        at(3, &maceio, date!(2024 - 03 - 01)),
        at(4, &maceio, date!(2024 - 04 - 01)),
        Gazette { date: None, territory: None, territory_id: None, ..gazette(5) },
    ];
    write(index, &gazettes.map(|gazette| document(&gazette, "casa verde"))).await;
}

async fn dates_are_an_order(index: Box<dyn SearchIndex>) {
    spread(&*index).await;
    for (sort, expected) in [(Sort::Newest, [4, 1, 3, 2, 5]), (Sort::Oldest, [2, 3, 1, 4, 5])] {
        let results = index.search(&SearchQuery { sort, ..asked("casa") }).await.unwrap();
        assert_eq!(results.hits.iter().map(|hit| hit.id.0).collect::<Vec<_>>(), expected, "{sort:?}");
        assert!(results.hits.iter().all(|hit| hit.score > 0.0 && hit.passages.len() == 1), "{results:?}");
    }
}

async fn filters_alone_list_the_newest_first(index: Box<dyn SearchIndex>) {
    spread(&*index).await;
    let territory = |id: &str| SearchQuery { territories: vec![id.to_owned()], ..asked(" ") };
    for (query, expected) in [
        (SearchQuery { state: Some("AL".into()), ..asked("") }, vec![4, 1, 3, 2]),
        (SearchQuery { sort: Sort::Oldest, ..territory("2704302") }, vec![3, 1, 4]),
        (SearchQuery { offset: 1, limit: 1, ..territory("2704302") }, vec![1]),
        (SearchQuery { extra: Some(false), ..asked("") }, vec![4, 1, 3, 2, 5]),
    ] {
        let results = index.search(&SearchQuery { totals: true, ..query.clone() }).await.unwrap();
        assert_eq!(results.hits.iter().map(|hit| hit.id.0).collect::<Vec<_>>(), expected, "{query:?}");
        assert!(results.hits.iter().all(|hit| hit.passages.is_empty()), "{results:?}");
        assert!(results.totals.is_some_and(|totals| totals.by_month.len() >= 2), "{query:?}");
    }
    for without_filter in ["", "  "] {
        let error = index.search(&asked(without_filter)).await.unwrap_err();
        assert_eq!(error.kind, SearchIndexErrorKind::BadQuery, "{error}");
    }
}

async fn pages_of_hits_follow_one_another(index: Box<dyn SearchIndex>) {
    let documents: Vec<Document> = (1..=25).map(|id| document(&gazette(id), "casa")).collect();
    write(&*index, &documents).await;
    for sort in [Sort::Relevance, Sort::Newest, Sort::Oldest] {
        let mut seen = Vec::new();
        for offset in [0, 10, 20, 30] {
            let query = SearchQuery { sort, offset, ..asked("casa") };
            let results = index.search(&query).await.unwrap();
            assert_eq!(results.total, 25);
            seen.extend(results.hits.iter().map(|hit| hit.id.0));
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=25).collect::<Vec<_>>(), "each once, {sort:?}");
    }
    let last = SearchQuery { offset: MAX_REACH - 10, ..asked("casa") };
    assert_eq!(index.search(&last).await.unwrap().hits, []);
    let error = index.search(&SearchQuery { offset: MAX_REACH - 9, ..last }).await.unwrap_err();
    assert_eq!(error.kind, SearchIndexErrorKind::BadQuery, "{error}");
}

async fn what_matches_is_counted_by_territory_and_month(index: Box<dyn SearchIndex>) {
    spread(&*index).await;
    assert_eq!(index.search(&asked("casa")).await.unwrap().totals, None, "only when asked for");
    let counted = |query: SearchQuery| {
        let index = &index;
        async move {
            let totals = index.search(&SearchQuery { totals: true, limit: 0, ..query }).await.unwrap().totals.unwrap();
            let territories: Vec<String> = totals
                .by_territory
                .iter()
                .map(|t| format!("{} {}/{} {}", t.territory_id, t.territory_name, t.state_code, t.gazettes))
                .collect();
            let months: Vec<String> =
                totals.by_month.iter().map(|month| format!("{} {}", month.month, month.gazettes)).collect();
            assert_eq!(totals.of_other_territories, 0);
            (territories, months)
        }
    };
    let (territories, months) = counted(asked("casa")).await;
    assert_eq!(territories[0], "2704302 Maceió/AL 3");
    assert!(territories.contains(&"2700300 Arapiraca/AL 1".to_owned()), "{territories:?}");
    assert_eq!(territories.len(), 3, "the one that is not known, too: {territories:?}");
    assert_eq!(months, ["2023-12 1", "2024-03 2", "2024-04 1"]);
    let (territories, months) = counted(SearchQuery { from: Some(date!(2024 - 04 - 01)), ..asked("casa") }).await;
    assert_eq!((territories, months), (vec!["2704302 Maceió/AL 1".to_owned()], vec!["2024-04 1".to_owned()]));
    assert_eq!(counted(asked("palavrainexistente")).await, (vec![], vec![]));
}

async fn passages_can_be_had_later(index: Box<dyn SearchIndex>) {
    filled(&*index, &["sumário\u{c}uma casa verde"]).await;
    let query = SearchQuery { without_passages: true, ..asked("casa") };
    let results = index.search(&query).await.unwrap();
    assert_eq!(results.hits[0].passages, []);
    let passages = index.passages("casa", &results.hits[0]).await.unwrap();
    assert_eq!(passages, index.search(&asked("casa")).await.unwrap().hits[0].passages);
    assert_eq!((passages[0].page, passages[0].text.as_str()), (2, "uma casa verde"));
    index.remove(&["1".into()]).await.unwrap();
    index.refresh().await.unwrap();
    assert_eq!(index.passages("casa", &results.hits[0]).await.unwrap(), [], "gone meanwhile");
}

async fn a_document_without_a_date(index: Box<dyn SearchIndex>) {
    let undated = Gazette { date: None, scraped_at: None, territory: None, territory_id: None, ..gazette(1) };
    write(&*index, &[document(&undated, "casa"), document(&gazette(2), "casa")]).await;
    let results = index.search(&asked("casa")).await.unwrap();
    assert_eq!(results.total, 2);
    let hit = results.hits.iter().find(|hit| hit.id.0 == 1).unwrap();
    assert_eq!((hit.date.as_deref(), hit.territory_id.as_str()), (None, ""));
    let dated = SearchQuery { from: Some(date!(1900 - 01 - 01)), ..asked("casa") };
    assert_eq!(ids(&*index, &dated).await, [2]);
}

async fn odd_queries_do_no_harm(index: Box<dyn SearchIndex>) {
    filled(&*index, &["casa"]).await;
    for text in ["", "\"", "(", "AND", "*", "-", "de", "-casa", &"x ".repeat(600)] {
        let error = index.search(&asked(text)).await.expect_err(text);
        assert_eq!(error.kind, SearchIndexErrorKind::BadQuery, "{text}: {error}");
    }
    for text in ["casa\"", "(casa", "casa*", "casa AND", "casa^9", "\\casa\\", "casa~2 /casa/", "{casa TO", "+casa -"] {
        index.search(&asked(text)).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    assert_eq!(ids(&*index, &asked("source_text:casa")).await, [0_i64; 0], "a field is a word like others");
    assert_eq!(ids(&*index, &asked(&"casa ".repeat(190))).await, [1]);
}

async fn long_texts_are_found_to_their_end(index: Box<dyn SearchIndex>) {
    let text = format!("{}\u{c}xilofone {}", "palavra comum do diário oficial. ".repeat(40_000), "y".repeat(70_000));
    filled(&*index, &[&text]).await;
    let results = index.search(&asked("xilofone")).await.unwrap();
    let passage = &results.hits[0].passages[0];
    assert_eq!((passage.page, &passage.text[..8]), (2, "xilofone"));
}
