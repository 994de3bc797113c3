//! The tables: made where missing, and looked for.
//!
//! The bookkeeping is our own: the scraper may keep its migrations with `sqlx`, in this database, under the name that
//! `sqlx` gives to every project's.

use sqlx::Pool;

use super::super::dialect::Dialect;
use super::super::statement::Statement;
use super::{begin, pages, runs};

/// Applies what `prelo_migrations` does not name yet, all of it or nothing. A second caller waits, then finds nothing
/// to do. Answers with the names of what was applied.
pub async fn migrate<D: Dialect>(pool: &Pool<D::Db>) -> Result<Vec<String>, sqlx::Error> {
    // Asked first: whoever runs prelo need not have the right to make tables once they are made.
    if noted::<D>(pool).await.is_ok_and(|noted| D::MIGRATIONS.iter().all(|(name, _)| noted.iter().any(|n| n == name))) {
        return Ok(Vec::new());
    }
    D::create(pool).await?;
    let mut transaction = begin::<D>(pool).await?;
    if let Some(lock) = D::ALONE {
        Statement::<D>::new(lock).run(&mut transaction).await?;
    }
    D::script(
        &mut transaction,
        "CREATE TABLE IF NOT EXISTS prelo_migrations (name varchar PRIMARY KEY, applied_at timestamp NOT NULL)",
    )
    .await?;

    let mut applied = Vec::new();
    for (name, script) in D::MIGRATIONS.iter().copied() {
        let noted = Statement::<D>::new("INSERT INTO prelo_migrations (name, applied_at) VALUES (")
            .bind(name)
            .sql(", ")
            .now()
            .sql(") ON CONFLICT (name) DO NOTHING RETURNING name")
            .row(&mut transaction)
            .await?;
        if noted.is_some() {
            D::script(&mut transaction, script).await?;
            applied.push(name.to_owned());
        }
    }
    transaction.commit().await?;
    Ok(applied)
}

async fn noted<D: Dialect>(pool: &Pool<D::Db>) -> Result<Vec<String>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let rows = Statement::<D>::new("SELECT name FROM prelo_migrations").rows(&mut connection).await?;
    rows.iter().map(|row| row.text("name")).collect()
}

/// Product and version. Fails when a table or a column is missing or may not be read.
pub async fn check<D: Dialect>(pool: &Pool<D::Db>) -> Result<String, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let version = Statement::<D>::new(D::VERSION).only_row(&mut connection).await?.text("version")?;
    pages::probe::<D>(&mut connection).await?;
    runs::probe::<D>(&mut connection).await?;
    Ok(format!("{} {version}", D::PRODUCT))
}
