//! The tables: missing, made, there before.

use futures_util::future::join_all;

use super::super::{CatalogErrorKind, RunCounts};
use super::world::{EVERYTHING, LEASE, World, in_postgres, mode};
use crate::failure::FailureCode;
use crate::gazette::{GazetteId, Mode, RunId};

const STEPS: [&str; 5] = ["0001_tables", "0002_failures", "0003_ocr", "0004_live", "0005_story"];

pub async fn missing_tables_are_named(world: &World) {
    let (catalog, run, all) = (&world.catalog, RunId::new(), mode(Mode::All));
    let errors = [
        catalog.check().await.map(drop),
        catalog.begin_run(run, &all, LEASE).await.map(drop),
        catalog.status().await.map(drop),
        catalog.count(&all, run, EVERYTHING).await.map(drop),
        catalog.finish_run(run, &RunCounts::default(), None).await,
    ]
    .map(Result::unwrap_err);
    for error in errors {
        assert_eq!(error.kind, CatalogErrorKind::TableMissing, "{error}");
        assert!(!error.is_of_an_older_schema(), "{error}");
        assert!(error.to_string().contains("prelo migrate"), "{error}");
    }
}

pub async fn migrating_twice_changes_nothing(world: &World) {
    assert_eq!(world.catalog.migrate().await.unwrap(), STEPS);
    world.add(std::iter::empty()).await;
    assert!(world.catalog.migrate().await.unwrap().is_empty());
    let product = if world.is_postgres() { "PostgreSQL 1" } else { "SQLite 3." };
    let version = world.catalog.check().await.unwrap();
    assert!(version.starts_with(product) && !version.contains('('), "{version}");
    assert_eq!(world.catalog.high_water_mark().await.unwrap(), None);
}

/// Tables of the first version, with rows, in use until a moment ago.
pub async fn older_tables_are_carried_on(world: &World) {
    world.catalog.migrate().await.unwrap();
    world.with_gazettes(3).await;
    world.indexed(&[1]).await;
    world.failed(&[2], FailureCode::NeedsOcr, None).await;
    world.execute("ALTER TABLE prelo_gazettes DROP COLUMN failures").await;
    world.execute("DELETE FROM prelo_migrations WHERE name = '0002_failures'").await;
    let error = world.another().await.check().await.unwrap_err();
    assert!(error.kind == CatalogErrorKind::TableMissing && error.is_of_an_older_schema(), "{error}");

    let newer = world.another().await;
    assert_eq!(newer.migrate().await.unwrap(), ["0002_failures"]);
    newer.check().await.unwrap();
    world.holds(1, "state = 'indexed' AND failures = 0").await;
    world.holds(2, "state = 'failed' AND failures = 0 AND failure_code = 'NEEDS_OCR'").await;
    assert_eq!(world.processed().await, 1);
    world.failed(&[2], FailureCode::NeedsOcr, None).await;
    world.holds(2, "failures = 1").await;
}

pub async fn concurrent_migrations_do_not_clash(world: &World) {
    let others = [world.another().await, world.another().await, world.another().await];
    let migrated = join_all(others.iter().map(|catalog| catalog.migrate())).await;
    let applied: Vec<String> = migrated.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(applied, STEPS, "by one of them");
}

/// The scraper's tables may be there, larger than ours and in use: here with an open transaction that has written.
#[tokio::test]
async fn tables_of_the_scraper_are_left_alone() {
    in_postgres(async |world| {
        world
            .execute(
                "CREATE TABLE territories (id varchar PRIMARY KEY, name varchar, state_code varchar, state varchar);
                 CREATE TABLE gazettes (id bigserial PRIMARY KEY, source_text text, date date,
                    edition_number varchar, is_extra_edition boolean, power varchar, file_checksum varchar,
                    file_path varchar, file_url varchar, scraped_at timestamp, created_at timestamp,
                    territory_id varchar, processed boolean DEFAULT false, scraper_job integer NOT NULL DEFAULT 0);
                 CREATE INDEX of_the_scraper ON gazettes (scraper_job);
                 CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL);
                 INSERT INTO gazettes (source_text, processed) VALUES ('kept', NULL)",
            )
            .await;
        let relations = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
             AND relname NOT LIKE 'prelo\\_%'";
        let before = world.number(relations).await;

        let mut transaction = world.scraper().unwrap().begin().await.unwrap();
        sqlx::raw_sql("LOCK TABLE gazettes IN ACCESS EXCLUSIVE MODE").execute(&mut *transaction).await.unwrap();
        let migrated = tokio::time::timeout(LEASE, world.catalog.migrate()).await;
        assert_eq!(migrated.expect("migrate waits for no lock").unwrap(), STEPS);
        transaction.rollback().await.unwrap();

        assert_eq!(world.number(relations).await, before);
        assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1], "a NULL is not processed");
        assert_eq!(world.catalog.high_water_mark().await.unwrap(), Some(GazetteId(1)));
    })
    .await;
}
