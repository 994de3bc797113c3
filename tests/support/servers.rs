//! A world of its own on the real servers that `PRELO_TEST_*` name: a database, a bucket, an index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use opensearch::http::Url;
use opensearch::http::transport::{SingleNodeConnectionPool, TransportBuilder};
use opensearch::indices::{IndicesDeleteParts, IndicesRefreshParts};
use opensearch::params::Refresh;
use opensearch::{CountParts, DeleteParts, IndexParts, OpenSearch, SearchParts};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};

use super::Prelo;

pub struct World {
    name: String,
    admin: String,
    postgres: Url,
    endpoint: String,
    key: (String, String),
    opensearch: Url,
    pub pool: PgPool,
    s3: aws_sdk_s3::Client,
    index: OpenSearch,
}

/// A row of `gazettes` to insert.
#[derive(Debug, Clone)]
pub struct Row {
    pub territory: String,
    pub date: time::Date,
    pub checksum: String,
    pub path: String,
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    if value.is_none() {
        eprintln!("SKIPPED: no real servers, {name} is not set (ops/test starts them)");
    }
    value
}

impl World {
    /// `None`, said aloud, when there are no servers.
    pub async fn new(name: &str) -> Option<Self> {
        let admin = variable("PRELO_TEST_CATALOG")?;
        let storage = Url::parse(&variable("PRELO_TEST_STORAGE")?).unwrap();
        let index = variable("PRELO_TEST_INDEX")?;
        let key = (variable("PRELO_TEST_S3_ACCESS_KEY")?, variable("PRELO_TEST_S3_ACCESS_SECRET")?);
        let name = format!("prelo-test-{name}-{}", uuid::Uuid::new_v4().simple());

        let mut connection = PgConnection::connect(&admin).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE \"{name}\""))).execute(&mut connection).await.unwrap();
        let mut postgres = Url::parse(&admin).unwrap();
        postgres.set_path(&name);
        let pool = PgPool::connect(postgres.as_str()).await.unwrap();
        for statement in [
            "CREATE TABLE territories (id varchar PRIMARY KEY, name varchar, state_code varchar, state varchar)",
            "CREATE TABLE gazettes (id serial PRIMARY KEY, source_text text, date date, edition_number varchar,
             is_extra_edition boolean, power varchar, file_checksum varchar, file_path varchar, file_url varchar,
             scraped_at timestamp, created_at timestamp, territory_id varchar REFERENCES territories(id),
             processed boolean DEFAULT false, UNIQUE (territory_id, date, file_checksum))",
            "INSERT INTO territories VALUES ('2704302', 'Maceió', 'AL', 'Alagoas'),
             ('3106200', 'Belo Horizonte', 'MG', 'Minas Gerais')",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }

        let endpoint = storage.query_pairs().find(|(key, _)| key == "endpoint").unwrap().1.into_owned();
        let credentials = Credentials::new(&key.0, &key.1, None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .force_path_style(true)
            .build();
        let s3 = aws_sdk_s3::Client::from_conf(config);
        s3.create_bucket().bucket(&name).send().await.unwrap();

        let mut opensearch = Url::parse(index.strip_prefix("opensearch+").unwrap()).unwrap();
        opensearch.set_path("");
        let transport =
            TransportBuilder::new(SingleNodeConnectionPool::new(opensearch.clone())).disable_proxy().build().unwrap();
        Some(Self { name, admin, postgres, endpoint, key, opensearch, pool, s3, index: OpenSearch::new(transport) })
    }

    /// The binary, told where everything is by the variables of the service that it replaces.
    pub fn prelo(&self) -> Prelo {
        let port = self.postgres.port().unwrap_or(5432).to_string();
        [
            ("POSTGRES_USER", self.postgres.username()),
            ("POSTGRES_PASSWORD", self.postgres.password().unwrap_or_default()),
            ("POSTGRES_DB", &self.name),
            ("POSTGRES_HOST", self.postgres.host_str().unwrap()),
            ("POSTGRES_PORT", &port),
            ("STORAGE_ENDPOINT", &self.endpoint),
            ("STORAGE_REGION", "us-east-1"),
            ("STORAGE_BUCKET", &self.name),
            ("STORAGE_ACCESS_KEY", &self.key.0),
            ("STORAGE_ACCESS_SECRET", &self.key.1),
            ("OPENSEARCH_HOST", self.opensearch.as_str()),
            ("OPENSEARCH_INDEX", &self.name),
            ("QUERIDO_DIARIO_FILES_ENDPOINT", "http://files.example/bucket"),
        ]
        .iter()
        .fold(Prelo::new(), |prelo, (name, value)| prelo.with(name, value))
    }

    pub fn bucket(&self) -> &str {
        &self.name
    }

    pub async fn upload(&self, key: &str, content: Vec<u8>) {
        self.s3.put_object().bucket(&self.name).key(key).body(ByteStream::from(content)).send().await.unwrap();
    }

    pub async fn object(&self, key: &str) -> Option<Vec<u8>> {
        let object = self.s3.get_object().bucket(&self.name).key(key).send().await.ok()?;
        Some(object.body.collect().await.unwrap().to_vec())
    }

    pub async fn delete_object(&self, key: &str) {
        self.s3.delete_object().bucket(&self.name).key(key).send().await.unwrap();
    }

    /// Writes a document as another service would.
    pub async fn put_document(&self, key: &str, document: Value) {
        let parts = IndexParts::IndexId(&self.name, key);
        let answer = self.index.index(parts).refresh(Refresh::True).body(document).send().await.unwrap();
        assert!(answer.status_code().is_success(), "{}", answer.text().await.unwrap());
    }

    pub async fn delete_document(&self, key: &str) {
        let answer =
            self.index.delete(DeleteParts::IndexId(&self.name, key)).refresh(Refresh::True).send().await.unwrap();
        assert!(answer.status_code().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Inserts rows that are pending; answers with their ids in the same order.
    pub async fn insert(&self, rows: &[Row]) -> Vec<i64> {
        let mut ids = Vec::with_capacity(rows.len());
        let mut transaction = self.pool.begin().await.unwrap();
        for row in rows {
            let id: i32 = sqlx::query(
                "INSERT INTO gazettes (date, edition_number, is_extra_edition, power, file_checksum, file_path,
                 file_url, scraped_at, created_at, territory_id, processed)
                 VALUES ($1, '7', false, 'executive', $2, $3, 'http://scraped.example/x.pdf',
                 timezone('utc', now()), timezone('utc', now()), $4, false) RETURNING id",
            )
            .bind(row.date)
            .bind(&row.checksum)
            .bind(&row.path)
            .bind(&row.territory)
            .fetch_one(&mut *transaction)
            .await
            .unwrap()
            .get(0);
            ids.push(i64::from(id));
        }
        transaction.commit().await.unwrap();
        ids
    }

    /// Runs a statement of the test's own.
    pub async fn execute(&self, statement: &'static str) -> u64 {
        sqlx::query(statement).execute(&self.pool).await.unwrap().rows_affected()
    }

    /// A single number.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    /// Ids of the rows that are marked.
    pub async fn processed(&self) -> BTreeSet<i64> {
        let rows = sqlx::query("SELECT id FROM gazettes WHERE processed").fetch_all(&self.pool).await.unwrap();
        rows.iter().map(|row| i64::from(row.get::<i32, _>(0))).collect()
    }

    pub async fn count_documents(&self) -> u64 {
        let answer = self.index.count(CountParts::Index(&[&self.name])).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["count"].as_u64().unwrap()
    }

    /// `_id` of every document with the run that wrote it (10,000 at most).
    pub async fn documents(&self) -> BTreeMap<i64, String> {
        let body = json!({"query": {"match_all": {}}, "size": 10_000, "_source": ["prelo.run_id"]});
        let answer = self.search(body).await;
        let hits = answer["hits"]["hits"].as_array().unwrap();
        let documents: BTreeMap<i64, String> = hits
            .iter()
            .map(|hit| {
                let run = hit["_source"]["prelo"]["run_id"].as_str().unwrap_or_default();
                (hit["_id"].as_str().unwrap().parse().unwrap(), run.to_owned())
            })
            .collect();
        assert_eq!(documents.len(), hits.len(), "an _id came twice");
        documents
    }

    pub async fn search(&self, body: Value) -> Value {
        let answer = self.index.search(SearchParts::Index(&[&self.name])).body(body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Requests that the gateway logged for this bucket, by operation (`s3_HeadObject`, …) and key.
    pub fn requests(&self) -> Option<BTreeMap<(String, String), u64>> {
        let log = std::fs::read_to_string(variable("PRELO_TEST_S3_LOG")?).unwrap();
        let mut requests = BTreeMap::new();
        for line in log.lines().filter(|line| line.contains(&self.name)) {
            // BUCKET [TIME] … OPERATION KEY …: the format of S3's own access logs.
            let mut words = line.split_whitespace().skip_while(|word| !word.starts_with("s3_"));
            if let (Some(operation), Some(key)) = (words.next(), words.next()) {
                *requests.entry((operation.to_owned(), key.to_owned())).or_insert(0) += 1;
            }
        }
        Some(requests)
    }

    /// Removes what was made.
    pub async fn remove(self) {
        let versions = (1..=3).map(|n| format!("{}-00000{n}", self.name));
        let names: Vec<String> = versions.chain([self.name.clone()]).collect();
        for name in &names {
            let _ = self.index.indices().delete(IndicesDeleteParts::Index(&[name])).send().await;
        }
        self.pool.close().await;
        let mut connection = PgConnection::connect(&self.admin).await.unwrap();
        let statement = format!("DROP DATABASE \"{}\" WITH (FORCE)", self.name);
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        let mut pages = self.s3.list_objects_v2().bucket(&self.name).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let key = object.key().unwrap_or_default();
                self.s3.delete_object().bucket(&self.name).key(key).send().await.unwrap();
            }
        }
        let _ = self.s3.delete_bucket().bucket(&self.name).send().await;
    }
}

/// All that there is, for comparing one world with another.
impl World {
    /// Every key of the bucket.
    pub async fn keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        let mut pages = self.s3.list_objects_v2().bucket(&self.name).into_paginator().send();
        while let Some(page) = pages.next().await {
            keys.extend(page.unwrap().contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        keys
    }

    /// Every document of the index with its `_id`; none while there is no index.
    pub async fn whole_documents(&self) -> Vec<(i64, serde_json::Map<String, Value>)> {
        const AT_ONCE: usize = 100;
        let refresh = IndicesRefreshParts::Index(&[&self.name]);
        if self.index.indices().refresh(refresh).send().await.unwrap().status_code().as_u16() == 404 {
            return Vec::new();
        }
        let mut documents = Vec::new();
        loop {
            let body = json!({"size": AT_ONCE, "from": documents.len(), "sort": ["id"], "track_total_hits": true});
            let mut answer = self.search(body).await;
            let total = answer["hits"]["total"]["value"].as_u64().unwrap();
            for hit in answer["hits"]["hits"].as_array_mut().unwrap() {
                let Value::Object(source) = hit["_source"].take() else { panic!("{hit}") };
                documents.push((hit["_id"].as_str().unwrap().parse().unwrap(), source));
            }
            if documents.len() as u64 >= total {
                return documents;
            }
        }
    }
}

/// md5 hex of a file.
pub fn md5_of(content: &[u8]) -> String {
    use md5::Digest as _;
    use std::fmt::Write as _;
    md5::Md5::digest(content).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Real gazettes: name and content, smallest first.
pub fn gazettes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pdf"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort_by_key(|(name, content)| (content.len(), name.clone()));
    files
}
