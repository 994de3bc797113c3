//! A PostgreSQL of a test's own, which it may stop and start.

use std::path::Path;
use std::process::Command;

/// A cluster in a folder of its own. Dropping it stops it.
pub struct OwnPostgres {
    folder: tempfile::TempDir,
}

impl OwnPostgres {
    /// `None`, said aloud, where tests have no servers.
    pub fn start() -> Option<Self> {
        if std::env::var_os("PRELO_TEST_CATALOG").is_none() {
            eprintln!("SKIPPED: no real servers, PRELO_TEST_CATALOG is not set (ops/test starts them)");
            return None;
        }
        // Not in $TMPDIR: the user `postgres` must be able to walk there.
        let folder = tempfile::Builder::new().prefix("prelo-own-postgres-").tempdir_in("/tmp").unwrap();
        let postgres = Self { folder };
        postgres.servers("start");
        Some(postgres)
    }

    /// Its clients are told that it shuts down; then nobody listens.
    pub fn stop(&self) {
        self.servers("stop");
    }

    /// After [`Self::stop`]: on another port.
    pub fn start_again(&self) {
        self.servers("start");
    }

    /// HOST:PORT.
    pub fn address(&self) -> String {
        let port = std::fs::read_to_string(self.folder.path().join("postgres.port")).unwrap();
        format!("127.0.0.1:{}", port.trim())
    }

    /// Of its one database, when it is reached at an address.
    pub fn url_at(address: &str) -> String {
        format!("postgres://prelo:prelo@{address}/prelo")
    }

    fn servers(&self, verb: &str) {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/servers");
        let mut command = Command::new(program);
        command.args([verb, "--only", "postgres", "--dir"]).arg(self.folder.path());
        assert!(command.status().unwrap().success(), "ops/servers {verb}");
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.stop();
    }
}
