//! Which territories there are. Nothing here writes.

use sqlx::Pool;

use super::super::dialect::Dialect;
use super::super::statement::Statement;
use crate::gazette::Territory;

/// The index over (`territory_id`, `date`, `file_checksum`) answers for each territory at once.
pub async fn territories<D: Dialect>(pool: &Pool<D::Db>) -> Result<Vec<Territory>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let rows = Statement::<D>::new(
        "SELECT t.id, t.name, t.state_code FROM territories t \
         WHERE EXISTS (SELECT 1 FROM gazettes g WHERE g.territory_id = t.id) ORDER BY t.name, t.id LIMIT 20000",
    )
    .rows(&mut connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Territory {
                id: row.text("id")?,
                name: row.maybe_text("name")?.unwrap_or_default(),
                state_code: row.maybe_text("state_code")?.unwrap_or_default(),
            })
        })
        .collect()
}
