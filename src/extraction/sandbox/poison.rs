//! Documents that do harm on demand, for tests: a release build knows none. No real file is known that does any of
//! this; when one was found, it was mended.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;
use std::time::Duration;

use super::child::{Answers, lock};
use super::frame::Frame;
use crate::extraction::{self, Text};

const MARK: &[u8] = b"%PRELO-POISON ";

/// Does what a document that begins with the mark asks for; what it answers with, if it answers by itself.
pub(super) fn swallow(file: &File, answers: &Mutex<Answers>) -> Option<Frame> {
    let mut head = [0; 64];
    let length = file.read_at(&mut head, 0).unwrap_or(0);
    let at = head[..length].windows(MARK.len()).position(|window| window == MARK)?;
    let word = head[at + MARK.len()..length].split(u8::is_ascii_whitespace).next()?;
    match word {
        b"abort" => std::process::abort(),
        // Where a reader would panic: inside of what guards it.
        b"panic" => return extraction::guarded::<Text>(|| panic!("as the document wishes")).err().map(Frame::Failed),
        b"exit" => std::process::exit(7),
        b"hang" => std::thread::sleep(Duration::from_hours(1)),
        b"killed" => {
            // The kernel sends it when the machine is out of memory; nothing in here may send any signal, so that the
            // limit that cannot be caught does.
            let limit = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
            rustix::process::setrlimit(rustix::process::Resource::Cpu, limit).ok()?;
            spin();
        }
        b"spin" => spin(),
        b"chatter" => loop {
            std::thread::sleep(Duration::from_millis(100));
            let _ = lock(answers).write(&Frame::Page);
        },
        b"grow" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1024 * 1024]);
                std::hint::black_box(&hoard);
            }
        }
        b"garbage" => lock(answers).raw().write_all(b"this is no frame, whatever it is").ok()?,
        b"overflow" => {
            std::hint::black_box(deeper(0));
        }
        b"report" => {
            let text = report();
            let bytes = text.len() as u64;
            return Some(Frame::Text(Text { text, pages: 1, ..Text::default() }, bytes));
        }
        _ => {}
    }
    None
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box([depth; 512])[0] + deeper(depth + 1)
}

/// What a reader can reach, line by line.
fn report() -> String {
    let tried = |what: &str, done: bool| format!("{what}: {}\n", if done { "possible" } else { "denied" });
    let mut lines = String::new();
    for (name, _) in std::env::vars_os() {
        lines.push_str(&format!("environment: {}\n", name.to_string_lossy()));
    }
    lines.push_str(&tried("read a file", std::fs::read("/etc/passwd").is_ok()));
    lines.push_str(&tried("list a folder", std::fs::read_dir("/").is_ok()));
    lines.push_str(&tried("write a file", File::create("/tmp/prelo-report").is_ok()));
    lines.push_str(&tried("open a socket", std::net::UdpSocket::bind("127.0.0.1:0").is_ok()));
    lines.push_str(&tried("start a program", std::process::Command::new("/bin/true").spawn().is_ok()));
    let privileges = rustix::thread::no_new_privs().is_ok_and(|given_up| given_up);
    lines.push_str(&format!("no new privileges: {}\n", u8::from(privileges)));
    let core = rustix::process::getrlimit(rustix::process::Resource::Core).maximum;
    lines.push_str(&format!("core: {}\n", core.map_or("unlimited".into(), |bytes| bytes.to_string())));
    lines
}
