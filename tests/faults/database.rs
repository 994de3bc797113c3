//! The catalogue as the scraper and the operator see it: from outside, with SQL.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

/// Where it is. Every call connects anew: a test may do anything to the database in between.
#[derive(Clone)]
pub enum Database {
    Sqlite(PathBuf),
    /// By its URL.
    Postgres(String),
}

macro_rules! over {
    ($database:expr, $connection:ident => $body:expr) => {
        wait(async {
            match $database {
                Self::Sqlite(path) => {
                    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(30));
                    let mut $connection = SqliteConnection::connect_with(&options).await.unwrap();
                    $body
                }
                Self::Postgres(url) => {
                    let mut $connection = PgConnection::connect(url).await.unwrap();
                    $body
                }
            }
        })
    };
}

impl Database {
    /// Answers with the number of rows that changed.
    pub fn execute(&self, sql: &str) -> u64 {
        let sql = || AssertSqlSafe(sql.to_owned());
        over!(self, connection => sqlx::query(sql()).execute(&mut connection).await.unwrap().rows_affected())
    }

    /// The first column, which is made of integers.
    pub fn numbers(&self, sql: &str) -> Vec<i64> {
        let sql = || AssertSqlSafe(sql.to_owned());
        over!(self, connection => {
            let rows = sqlx::query(sql()).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get::<i64, _>(0)).collect()
        })
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.numbers(sql)[0]
    }

    /// A pending gazette of Maceió.
    pub fn insert(&self, key: &str, checksum: &str) -> i64 {
        const COLUMNS: &str = "INSERT INTO gazettes (territory_id, date, file_path, file_checksum, processed)";
        wait(async {
            match self {
                Self::Sqlite(path) => {
                    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(30));
                    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                    let sql = format!("{COLUMNS} VALUES ('2704302', '2024-05-06', ?, ?, false) RETURNING id");
                    let row = sqlx::query(AssertSqlSafe(sql)).bind(key).bind(checksum).fetch_one(&mut connection);
                    row.await.unwrap().get::<i64, _>(0)
                }
                Self::Postgres(url) => {
                    let mut connection = PgConnection::connect(url).await.unwrap();
                    let sql = format!("{COLUMNS} VALUES ('2704302', '2024-05-06', $1, $2, false) RETURNING id");
                    let row = sqlx::query(AssertSqlSafe(sql)).bind(key).bind(checksum).fetch_one(&mut connection);
                    row.await.unwrap().get::<i32, _>(0).into()
                }
            }
        })
    }

    /// Every lease has run out: so a test need not wait as long as the shortest that can be set.
    pub fn expire_leases(&self) {
        self.execute("UPDATE prelo_runs SET lease_until = started_at WHERE finished_at IS NULL");
        self.execute(
            "UPDATE prelo_gazettes SET lease_until = (SELECT min(started_at) FROM prelo_runs) WHERE lease_run IS NOT NULL",
        );
    }

    /// Gazettes that are marked.
    pub fn processed(&self) -> Vec<i64> {
        self.numbers("SELECT CAST(id AS bigint) FROM gazettes WHERE processed ORDER BY id")
    }

    /// Gazettes that are set aside.
    pub fn failed(&self) -> i64 {
        self.number("SELECT count(*) FROM prelo_gazettes WHERE state = 'failed'")
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
