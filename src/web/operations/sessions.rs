//! Who has shown the token. A session is a cookie that scripts cannot read and other sites cannot send; every form of it
//! carries a word of its own besides.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use subtle::ConstantTimeEq;
use uuid::Uuid;

const LIFETIME: Duration = Duration::from_hours(8);
/// Who comes beyond these ends the oldest.
const MOST: usize = 256;
const NAME: &str = "prelo_session";

#[derive(Debug, Clone)]
pub struct Session {
    /// In every form.
    pub form: String,
    until: Instant,
}

#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// The value of a `Set-Cookie` header for a new session.
    pub fn open(&self, now: Instant) -> String {
        let (id, form) = (word(), word());
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.until > now);
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.until).map(|(id, _)| id.clone());
            oldest.and_then(|id| sessions.remove(&id));
        }
        sessions.insert(id.clone(), Session { form, until: now + LIFETIME });
        format!("{NAME}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", LIFETIME.as_secs())
    }

    /// That of a request, if there is one.
    pub fn of(&self, headers: &HeaderMap, now: Instant) -> Option<Session> {
        let id = cookie(headers)?;
        self.lock().get(id).filter(|session| session.until > now).cloned()
    }

    /// Ends that of a request; answers with a `Set-Cookie` that takes it away.
    pub fn close(&self, headers: &HeaderMap) -> String {
        if let Some(id) = cookie(headers) {
            self.lock().remove(id);
        }
        format!("{NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        // A panic in between leaves a table behind, not a broken invariant.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn word() -> String {
    // 122 bits of the system's randomness.
    Uuid::new_v4().simple().to_string()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|list| list.split(';')).find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
}

/// Whether two words are the same, in a time that tells nothing of where they differ.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cookie(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, format!("other=1; {value}").parse().unwrap())])
    }

    #[test]
    fn a_session_ends_by_time_by_wish_and_by_number() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let open = |now| sessions.open(now).split(';').next().unwrap().to_owned();
        let first = open(now);
        assert!(sessions.of(&with_cookie(&first), now).is_some());
        assert!(sessions.of(&with_cookie(&first), now + LIFETIME).is_none());
        assert!(sessions.of(&with_cookie("prelo_session=guessed"), now).is_none());
        assert!(sessions.of(&HeaderMap::new(), now).is_none());
        let second = open(now + Duration::from_secs(1));
        assert_ne!(first, second);
        sessions.close(&with_cookie(&second));
        assert!(sessions.of(&with_cookie(&second), now).is_none());
        for _ in 0..MOST {
            open(now + Duration::from_secs(2));
        }
        assert!(sessions.of(&with_cookie(&first), now).is_none(), "the oldest makes room");
        assert!(same("a", "a") && !same("a", "b") && !same("a", "aa") && same("", ""));
    }
}
