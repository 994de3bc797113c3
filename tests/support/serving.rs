//! `prelo serve` on a free port, until it is dropped.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Child;

use super::Prelo;

pub struct Server {
    process: Child,
    /// Address and port.
    pub host: String,
}

impl Server {
    pub fn start(prelo: &Prelo, arguments: &[&str]) -> Self {
        let all = [&["serve", "--listen", "127.0.0.1:0", "--format", "json"], arguments].concat();
        let mut process = prelo.spawn(&all);
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut said = String::new();
            process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("{error}: {line}{said}")
        });
        let host = told["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { process, host }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
