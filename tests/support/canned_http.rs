//! A server that gives each connection the next of a list of answers, whatever it was asked, or what a function says,
//! and remembers the requests.
#![allow(dead_code)] // each test program uses a part

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What one connection gets.
pub enum Canned {
    /// These bytes, then the end of the connection.
    Answer(Vec<u8>),
    /// Nothing, for longer than a client will wait.
    Silence(Duration),
    /// One after the other, then the end of the connection.
    Steps(Vec<Step>),
}

/// A part of an answer.
pub enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// The connection is reset, not closed.
    Reset,
    /// Zeros until the client hangs up, or so many; counts what was taken.
    Flood {
        most: u64,
        sent: Arc<AtomicU64>,
    },
}

impl Canned {
    /// A whole answer: status line and headers without the last blank line, then the body.
    pub fn answer(head: &str, body: &str) -> Self {
        Self::with_bytes(head, body.as_bytes())
    }

    /// The same with a body that is no text.
    pub fn with_bytes(head: &str, body: &[u8]) -> Self {
        Self::Answer([Self::head(head).as_slice(), body].concat())
    }

    /// Status line and headers, the last blank line included.
    pub fn head(head: &str) -> Vec<u8> {
        format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").into_bytes()
    }
}

/// Listens on a free loopback port until the answers are used up.
pub struct CannedHttp {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Request line and headers.
    pub head: String,
    /// With the query.
    pub path: String,
    pub body: Vec<u8>,
}

impl CannedHttp {
    /// Answers every request as it is told, each connection in a thread of its own, as long as the test lives.
    pub fn answering(answer: impl Fn(&Asked) -> Canned + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else { return };
                let (seen, answer) = (seen.clone(), answer.clone());
                thread::spawn(move || {
                    let head = String::from_utf8_lossy(&head(&mut connection)).into_owned();
                    let mut words = head.split_whitespace().map(str::to_owned);
                    // Who only wants to know whether somebody listens says nothing.
                    let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
                    let length = head
                        .lines()
                        .filter_map(|line| line.split_once(':'))
                        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                        .and_then(|(_, value)| value.trim().parse().ok());
                    let mut body = vec![0; length.unwrap_or(0)];
                    if connection.read_exact(&mut body).is_err() {
                        return;
                    }
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
                    give(&mut connection, answer(&Asked { method, head, path, body }));
                });
            }
        });
        Self { address, requests }
    }

    pub fn start(answers: Vec<Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        thread::spawn(move || {
            for answer in answers {
                let Ok((mut connection, _)) = listener.accept() else { return };
                let request = head(&mut connection);
                seen.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(String::from_utf8_lossy(&request).into_owned());
                give(&mut connection, answer);
            }
        });
        Self { address, requests }
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn head(connection: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(connection.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    head
}

fn give(connection: &mut TcpStream, answer: Canned) {
    match answer {
        // A client that has gone does not matter.
        Canned::Answer(bytes) => drop(connection.write_all(&bytes)),
        Canned::Silence(time) => thread::sleep(time),
        Canned::Steps(steps) => {
            for step in steps {
                take(connection, step);
            }
        }
    }
}

fn take(connection: &mut TcpStream, step: Step) {
    match step {
        Step::Send(bytes) => drop(connection.write_all(&bytes)),
        Step::Wait(time) => thread::sleep(time),
        Step::Reset => {
            // What was sent shall arrive before the end does.
            thread::sleep(Duration::from_millis(50));
            let _ = rustix::net::sockopt::set_socket_linger(&*connection, Some(Duration::ZERO));
        }
        Step::Flood { most, sent } => {
            let chunk = vec![0; 64 * 1024];
            while sent.load(Ordering::SeqCst) < most && connection.write_all(&chunk).is_ok() {
                sent.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            }
        }
    }
}
