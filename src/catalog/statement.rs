//! Statements with bound values, and the rows they answer with, whatever the dialect.

use std::time::Duration;

use sqlx::QueryBuilder;
use time::{Date, PrimitiveDateTime};

use super::dialect::{Connection, Dialect, DriverRow, List, Value};
use crate::gazette::{GazetteId, RunId};

/// A statement under construction. Its text is the program's own, which the types see to; everything else is bound.
pub struct Statement<D: Dialect> {
    query: QueryBuilder<D::Db>,
    prepared: bool,
}

impl<D: Dialect> Statement<D> {
    pub fn new(sql: &'static str) -> Self {
        Self { query: QueryBuilder::new(sql), prepared: true }
    }

    /// For a statement whose best plan depends on its values, or whose text hardly comes again: it is planned each time
    /// and not kept.
    pub fn unprepared(mut self) -> Self {
        self.prepared = false;
        self
    }

    pub fn sql(mut self, sql: &'static str) -> Self {
        self.query.push(sql);
        self
    }

    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        D::bind(&mut self.query, value.into());
        self
    }

    /// Binds values with commas between them.
    pub fn bind_all(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.query.push(", ");
            }
            D::bind(&mut self.query, value);
        }
        self
    }

    /// Binds a value as JSON.
    pub fn bind_json(self, value: &impl serde::Serialize) -> Result<Self, sqlx::Error> {
        let json = serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        Ok(self.sql("CAST(").bind(json).sql(" AS ").sql(D::JSON).sql(")"))
    }

    /// `column = ANY (ids)`.
    pub fn any_id(self, column: &'static str, ids: &[GazetteId]) -> Self {
        self.any(column, List::Ints(ids.iter().map(|id| id.0).collect()))
    }

    /// `column = ANY (list)`.
    pub fn any(mut self, column: &'static str, list: List) -> Self {
        self.query.push(column);
        D::bind_list(&mut self.query, list);
        self
    }

    /// The database's clock.
    pub fn now(self) -> Self {
        self.sql(D::NOW)
    }

    /// `attempts = …`: a line more, the moment before it, and the oldest cut off.
    pub fn attempt(self, line: &'static str) -> Self {
        let kept = self.sql("attempts = ").sql(D::TAIL.0).sql("coalesce(prelo_gazettes.attempts || '\n', '') || CAST(");
        kept.now().sql(" AS text) || ' ' || ").sql(line).sql(D::TAIL.1)
    }

    /// The moment so long from now.
    pub fn later(self, duration: Duration) -> Self {
        self.sql(D::LATER.0).bind(milliseconds(duration)).sql(D::LATER.1)
    }

    /// `LIMIT n`, when there is one.
    pub fn limit(self, limit: Option<u64>) -> Self {
        match limit {
            Some(limit) => self.sql(" LIMIT ").bind(limit),
            None => self,
        }
    }

    /// `name (columns) AS (VALUES (…), …)`, the body of a WITH. `rows` must not be empty.
    pub fn values(mut self, name_and_columns: &'static str, rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        self = self.sql(name_and_columns).sql(" AS (VALUES ");
        for (i, row) in rows.into_iter().enumerate() {
            self = self.sql(if i == 0 { "(" } else { ", (" }).bind_all(row).sql(")");
        }
        self.sql(") ").unprepared()
    }

    pub async fn rows(self, connection: &mut Connection<D>) -> Result<Vec<Row<D>>, sqlx::Error> {
        Ok(D::fetch(connection, self.query, self.prepared).await?.into_iter().map(Row).collect())
    }

    /// The first row.
    pub async fn row(self, connection: &mut Connection<D>) -> Result<Option<Row<D>>, sqlx::Error> {
        Ok(self.rows(connection).await?.into_iter().next())
    }

    /// The first row of a statement that always has one.
    pub async fn only_row(self, connection: &mut Connection<D>) -> Result<Row<D>, sqlx::Error> {
        self.row(connection).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Column `id` of every row.
    pub async fn ids(self, connection: &mut Connection<D>) -> Result<Vec<GazetteId>, sqlx::Error> {
        self.rows(connection).await?.iter().map(|row| row.id("id")).collect()
    }

    pub async fn run(self, connection: &mut Connection<D>) -> Result<(), sqlx::Error> {
        self.rows(connection).await.map(drop)
    }
}

/// A row of an answer. The plain readers fail on NULL, the `maybe` ones do not.
pub struct Row<D: Dialect>(DriverRow<D>);

impl<D: Dialect> Row<D> {
    pub fn id(&self, column: &str) -> Result<GazetteId, sqlx::Error> {
        present(column, D::int(&self.0, column)?).map(GazetteId)
    }

    /// A number that is never negative.
    pub fn count(&self, column: &str) -> Result<u64, sqlx::Error> {
        self.number(column)
    }

    /// Any width of integer; a number that does not fit is an error.
    pub fn number<N: TryFrom<i64>>(&self, column: &str) -> Result<N, sqlx::Error>
    where
        N::Error: std::error::Error + Send + Sync + 'static,
    {
        present(column, self.maybe_number(column)?)
    }

    pub fn bool(&self, column: &str) -> Result<bool, sqlx::Error> {
        present(column, D::bool(&self.0, column)?)
    }

    pub fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        present(column, D::text(&self.0, column)?)
    }

    pub fn run(&self, column: &str) -> Result<RunId, sqlx::Error> {
        present(column, D::run(&self.0, column)?)
    }

    pub fn moment(&self, column: &str) -> Result<PrimitiveDateTime, sqlx::Error> {
        present(column, D::moment(&self.0, column)?)
    }

    pub fn maybe_number<N: TryFrom<i64>>(&self, column: &str) -> Result<Option<N>, sqlx::Error>
    where
        N::Error: std::error::Error + Send + Sync + 'static,
    {
        D::int(&self.0, column)?.map(N::try_from).transpose().map_err(|error| undecodable(column, error))
    }

    pub fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        D::text(&self.0, column)
    }

    pub fn maybe_bool(&self, column: &str) -> Result<Option<bool>, sqlx::Error> {
        D::bool(&self.0, column)
    }

    pub fn maybe_real(&self, column: &str) -> Result<Option<f32>, sqlx::Error> {
        D::real(&self.0, column)
    }

    pub fn maybe_date(&self, column: &str) -> Result<Option<Date>, sqlx::Error> {
        D::date(&self.0, column)
    }

    pub fn maybe_moment(&self, column: &str) -> Result<Option<PrimitiveDateTime>, sqlx::Error> {
        D::moment(&self.0, column)
    }

    pub fn maybe_run(&self, column: &str) -> Result<Option<RunId>, sqlx::Error> {
        D::run(&self.0, column)
    }

    /// A text column that holds JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, sqlx::Error> {
        serde_json::from_str(&self.text(column)?).map_err(|error| undecodable(column, error))
    }
}

fn present<T>(column: &str, value: Option<T>) -> Result<T, sqlx::Error> {
    value.ok_or_else(|| undecodable(column, sqlx::error::UnexpectedNullError))
}

fn undecodable(column: &str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}

/// A duration in whole milliseconds as the databases can add it to a moment: at most a hundred years.
pub fn milliseconds(duration: Duration) -> i64 {
    const HUNDRED_YEARS: i64 = 100 * 366 * 24 * 3_600_000;
    i64::try_from(duration.as_millis()).unwrap_or(HUNDRED_YEARS).min(HUNDRED_YEARS)
}

macro_rules! values {
    ($($from:ty => $variant:ident($name:ident) $into:expr;)+) => {
        $(impl From<$from> for Value {
            fn from($name: $from) -> Self {
                Self::$variant($into)
            }
        })+
    };
}

values! {
    i64 => Int(value) Some(value);
    i32 => Int(value) Some(value.into());
    u32 => Int(value) Some(value.into());
    u64 => Int(value) Some(saturating(value));
    Option<u64> => Int(value) value.map(saturating);
    Option<i64> => Int(value) value;
    GazetteId => Int(id) Some(id.0);
    Option<f32> => Real(value) value;
    Option<bool> => Bool(value) value;
    &str => Text(value) Some(value.to_owned());
    String => Text(value) Some(value);
    Option<String> => Text(value) value;
    Option<&str> => Text(value) value.map(ToOwned::to_owned);
    Date => Date(value) Some(value);
    Option<Date> => Date(value) value;
    PrimitiveDateTime => Moment(value) Some(value);
    RunId => Run(value) value;
}

fn saturating(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fit_the_databases() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_millis(1_500)), 1_500);
        assert_eq!(milliseconds(Duration::MAX), 3_162_240_000_000);
        assert_eq!(Value::from(u64::MAX), Value::Int(Some(i64::MAX)));
    }
}
