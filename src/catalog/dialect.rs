//! What differs between the databases, so that every statement is written once.

use futures_util::future::BoxFuture;
use sqlx::{Database, Pool, QueryBuilder};
use time::{Date, PrimitiveDateTime};

use super::Registry;
use super::sql::SqlCatalog;
use crate::gazette::RunId;

/// An open connection, or a transaction on one.
pub type Connection<D> = <<D as Dialect>::Db as Database>::Connection;
/// A row as the driver hands it out.
pub type DriverRow<D> = <<D as Dialect>::Db as Database>::Row;
/// A step of the schema: its name, which is noted in `prelo_migrations`, and its script.
pub type Migration = (&'static str, &'static str);

/// A value bound to a statement. `None` is a NULL of that type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Int(Option<i64>),
    Real(Option<f32>),
    Text(Option<String>),
    Bool(Option<bool>),
    Date(Option<Date>),
    Moment(Option<PrimitiveDateTime>),
    Run(RunId),
}

/// A list bound to a statement as one value, whatever its length.
#[derive(Debug, Clone, PartialEq)]
pub enum List {
    Ints(Vec<i64>),
    Texts(Vec<String>),
    Runs(Vec<RunId>),
}

/// A database that can hold the catalogue.
pub trait Dialect: Send + Sync + Sized + 'static {
    type Db: Database;

    /// In front of the version in [`super::Catalog::check`].
    const PRODUCT: &'static str;
    /// A query for one row with a text column `version`.
    const VERSION: &'static str;
    /// Opens a transaction that reads what others have committed and may write.
    const BEGIN: &'static str;
    /// Run at the start of a transaction that must be alone among its kind: `begin_run`, `migrate`.
    const ALONE: Option<&'static str>;
    /// Ends a SELECT whose rows must stay as they are until the transaction ends.
    const FOR_UPDATE: &'static str;
    /// The database's clock: UTC, without a zone, the same for the whole statement.
    const NOW: &'static str;
    /// What stands before and after a number of milliseconds to make the moment so long from now.
    const LATER: (&'static str, &'static str);
    /// The type of JSON columns.
    const JSON: &'static str;
    /// What stands before and after a text to keep its last characters, 4,000 of them.
    const TAIL: (&'static str, &'static str);
    /// Bounds how long the statements of a transaction may take, where counting can take long.
    const HASTE: Option<&'static str>;
    /// A query for one row with about how many gazettes there are, `gazettes`, and how many of them are not processed,
    /// `unprocessed`; `gazettes` is 0 where nothing is known.
    const ABOUT: &'static str;
    /// In the order in which they are applied.
    const MIGRATIONS: &'static [Migration];

    /// Binds a value.
    fn bind(query: &mut QueryBuilder<Self::Db>, value: Value);

    /// Appends ` = ANY (list)`, or what means the same.
    fn bind_list(query: &mut QueryBuilder<Self::Db>, list: List);

    /// Runs a statement for its rows; `prepared` keeps it for the next time.
    fn fetch(
        connection: &mut Connection<Self>,
        query: QueryBuilder<Self::Db>,
        prepared: bool,
    ) -> BoxFuture<'_, Result<Vec<DriverRow<Self>>, sqlx::Error>>;

    /// Runs a script of several statements.
    fn script<'a>(connection: &'a mut Connection<Self>, script: &'static str)
    -> BoxFuture<'a, Result<(), sqlx::Error>>;

    /// Makes the database itself, where that is ours to do.
    fn create(pool: &Pool<Self::Db>) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Registers files, where the catalogue is prelo's own.
    fn registry(_catalog: &SqlCatalog<Self>) -> Option<&dyn Registry> {
        None
    }

    fn int(row: &DriverRow<Self>, column: &str) -> Result<Option<i64>, sqlx::Error>;
    fn real(row: &DriverRow<Self>, column: &str) -> Result<Option<f32>, sqlx::Error>;
    fn text(row: &DriverRow<Self>, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn bool(row: &DriverRow<Self>, column: &str) -> Result<Option<bool>, sqlx::Error>;
    fn date(row: &DriverRow<Self>, column: &str) -> Result<Option<Date>, sqlx::Error>;
    fn moment(row: &DriverRow<Self>, column: &str) -> Result<Option<PrimitiveDateTime>, sqlx::Error>;
    fn run(row: &DriverRow<Self>, column: &str) -> Result<Option<RunId>, sqlx::Error>;
}
