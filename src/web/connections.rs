//! Connections: so many at once, and each has to say soon what it wants. How long an answer may take to be read is not
//! bounded: a gazette of 500 MB on a slow line is a long download and no attack.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Who comes beyond these waits in the queue of the operating system.
    pub at_once: usize,
    /// From the first moment, or from the answer before, to the end of a request's headers; less in a crowd.
    pub head: Duration,
    /// A visitor who takes not a single byte of what was sent for so long is gone.
    pub silence: Duration,
}

impl Limits {
    /// Enough for dozens of visitors, whose browsers open up to six each, and few enough for the files that a process may
    /// have open.
    pub const USUAL: Self = Self { at_once: 256, head: Duration::from_secs(15), silence: Duration::from_mins(10) };

    /// The fewer places are free, the sooner whoever takes one in silence has to leave it.
    fn head_with(&self, free: usize) -> Duration {
        if free < self.at_once / 2 { self.head / CROWDED } else { self.head }
    }
}

/// Of the headers of a request: the longest address that is answered, and many cookies.
const HEAD_BYTES: usize = 64 << 10;
/// When more than half of the places are taken, so many times less is the time for a request's headers.
const CROWDED: u32 = 3;
/// When the process has no file left, or the like, one closes soon.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers requests until `stop` resolves; what is under way then may take `grace` longer.
pub async fn serve(
    listener: TcpListener,
    pages: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).max_buf_size(HEAD_BYTES);
    let permits = Arc::new(Semaphore::new(limits.at_once));
    let under_way = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, permit) = tokio::select! {
            next = next(&listener, &permits) => next,
            () = &mut stop => break,
        };
        // Small answers go at once; what the kernel does not take leaves a connection as it was.
        let _ = stream.set_nodelay(true);
        let silence = u32::try_from(limits.silence.as_millis()).unwrap_or(u32::MAX);
        let _ = set_tcp_user_timeout(&stream, silence);
        http.header_read_timeout(limits.head_with(permits.available_permits()));
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages.clone()));
        let connection = under_way.watch(connection);
        tokio::spawn(async move {
            // Visitors go away in the middle, or send what is no HTTP: nothing that anybody here could mend.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    tokio::select! {
        () = under_way.shutdown() => {}
        () = tokio::time::sleep(grace) => {}
    }
}

/// The next connection, as soon as there is room for it.
async fn next(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed; an error would only mean no bound.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Body;
    use axum::routing::get;
    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    /// Nothing here takes so long; a test that hangs is to fail.
    const LONG: Duration = Duration::from_mins(1);
    const HEAD: Duration = Duration::from_millis(300);
    const LIMITS: Limits = Limits { at_once: 8, head: HEAD, silence: LONG };

    struct Server {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<()>,
    }

    async fn server(limits: Limits, grace: Duration) -> Server {
        let drip = || {
            let parts = stream::iter(0..4).then(async |part: u8| {
                tokio::time::sleep(HEAD).await;
                Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'0' + part]))
            });
            Body::from_stream(parts)
        };
        let endless =
            || Body::from_stream(stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from(vec![0; 65_536]))));
        let pages = Router::new()
            .route("/", get(async || "here"))
            .route("/drip", get(async move || drip()))
            .route("/endless", get(async move || endless()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.unwrap() };
        let serving = tokio::spawn(serve(listener, pages, limits, stopped, grace));
        Server { address, stop, serving }
    }

    async fn sent(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// All that comes until the server closes. A connection that is cut has an end, too.
    async fn to_the_end(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the server closes");
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn got(address: SocketAddr, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        to_the_end(&mut sent(address, &request).await).await
    }

    #[tokio::test]
    async fn half_a_request_is_given_up_and_others_are_answered_meanwhile() {
        let server = server(LIMITS, LONG).await;
        let mut half = sent(server.address, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
        let mut silent = sent(server.address, "").await;
        let (mut reading, mut writing) = sent(server.address, "GET / HTTP/1.1\r\n").await.into_split();
        // A header now and then does not help.
        let dripping = tokio::spawn(async move {
            while writing.write_all(b"X-More: 1\r\n").await.is_ok() {
                tokio::time::sleep(HEAD / 10).await;
            }
        });
        assert!(got(server.address, "/").await.ends_with("\r\n\r\nhere"));
        assert!(!to_the_end(&mut half).await.contains("200 OK"));
        assert!(!to_the_end(&mut silent).await.contains("200 OK"));
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(LONG, reading.read_to_end(&mut rest)).await.expect("the server closes");
        tokio::time::timeout(LONG, dripping).await.unwrap().unwrap();
        assert!(got(server.address, "/").await.ends_with("\r\n\r\nhere"));
    }

    #[tokio::test]
    async fn who_comes_beyond_the_bound_waits_for_room() {
        let server = server(Limits { at_once: 2, ..LIMITS }, LONG).await;
        let mut first = sent(server.address, "GET").await;
        let mut second = sent(server.address, "GET").await;
        assert!(got(server.address, "/").await.ends_with("\r\n\r\nhere"));
        assert_eq!((to_the_end(&mut first).await, to_the_end(&mut second).await), (String::new(), String::new()));
    }

    #[test]
    fn in_a_crowd_the_silent_leave_sooner() {
        let limits = Limits { at_once: 8, head: Duration::from_secs(15), ..LIMITS };
        for (free, seconds) in [(7, 15), (4, 15), (3, 5), (0, 5)] {
            assert_eq!(limits.head_with(free), Duration::from_secs(seconds), "{free} places free");
        }
    }

    #[tokio::test]
    async fn a_slow_answer_is_not_cut() {
        let server = server(LIMITS, LONG).await;
        let answer = got(server.address, "/drip").await;
        assert!(answer.contains("200 OK") && answer.ends_with("0\r\n\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_visitor_who_takes_nothing_makes_room() {
        let server = server(Limits { at_once: 1, silence: HEAD, ..LIMITS }, LONG).await;
        let _deaf = sent(server.address, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(got(server.address, "/").await.ends_with("\r\n\r\nhere"));
    }

    #[tokio::test]
    async fn what_is_under_way_is_finished_and_nobody_else_holds_the_end_up() {
        let server = server(LIMITS, LONG).await;
        let mut kept = sent(server.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut begun = [0; 12];
        kept.read_exact(&mut begun).await.unwrap();
        let _silent = sent(server.address, "").await;
        let mut slow = sent(server.address, "GET /drip HTTP/1.1\r\nHost: a\r\n\r\n").await;
        slow.read_exact(&mut begun).await.unwrap();
        server.stop.send(()).unwrap();
        let answer = to_the_end(&mut slow).await;
        assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
        tokio::time::timeout(LONG, server.serving).await.expect("it ends").unwrap();
    }

    #[tokio::test]
    async fn an_endless_answer_has_the_grace_and_no_more() {
        let server = server(LIMITS, HEAD).await;
        let _deaf = sent(server.address, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(got(server.address, "/").await.ends_with("\r\n\r\nhere"));
        server.stop.send(()).unwrap();
        tokio::time::timeout(LONG, server.serving).await.expect("it ends").unwrap();
    }
}
