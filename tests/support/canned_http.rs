//! A server that gives each connection the next of a list of answers, whatever it was asked, and remembers the requests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What one connection gets.
pub enum Canned {
    /// These bytes, then the end of the connection.
    Answer(Vec<u8>),
    /// Nothing, for longer than a client will wait.
    Silence(Duration),
}

impl Canned {
    /// A whole answer: status line and headers without the last blank line, then the body.
    pub fn answer(head: &str, body: &str) -> Self {
        Self::Answer(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}").into_bytes())
    }
}

/// Listens on a free loopback port until the answers are used up.
pub struct CannedHttp {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl CannedHttp {
    pub fn start(answers: Vec<Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        thread::spawn(move || {
            for answer in answers {
                let Ok((mut connection, _)) = listener.accept() else { return };
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && matches!(connection.read(&mut byte), Ok(1)) {
                    request.push(byte[0]);
                }
                seen.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(String::from_utf8_lossy(&request).into_owned());
                match answer {
                    // A client that has gone does not matter.
                    Canned::Answer(bytes) => drop(connection.write_all(&bytes)),
                    Canned::Silence(time) => thread::sleep(time),
                }
            }
        });
        Self { address, requests }
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
