//! What of a file is asked for: all of it, a part, or nothing that has not been sent before.

use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderName};

/// What the answer to a GET or HEAD holds (RFC 9110, 13.2.2 and 14.2).
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The browser has this version already.
    Nothing,
    Whole,
    /// Both included, both within the file.
    Part {
        first: u64,
        last: u64,
    },
    /// It lies behind the end.
    Beyond,
}

impl Wanted {
    /// Of a file of so many bytes in the version that `etag` names, quotes included.
    pub fn of(headers: &HeaderMap, is_head: bool, etag: Option<&str>, bytes: u64) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if text(IF_NONE_MATCH).is_some_and(|known| is_known(known, etag)) {
            return Self::Nothing;
        }
        // A part of another version would be joined to what the browser has.
        let is_same = text(IF_RANGE).is_none_or(|known| Some(known.trim()) == etag);
        match text(RANGE).filter(|_| is_same && !is_head) {
            Some(asked) => Self::of_range(asked, bytes),
            None => Self::Whole,
        }
    }

    /// One range of bytes. Of several, and of what cannot be read, the whole file is the answer, as the standard allows.
    fn of_range(asked: &str, bytes: u64) -> Self {
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| plain)
        };
        let Some((first, last)) = asked.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
            return Self::Whole;
        };
        match (number(first), number(last)) {
            (Some(first), _) if first >= bytes => Self::Beyond,
            (Some(first), None) if last.is_empty() => Self::Part { first, last: bytes - 1 },
            (Some(first), Some(last)) if first <= last => Self::Part { first, last: last.min(bytes - 1) },
            (None, Some(0)) if first.is_empty() => Self::Beyond,
            (None, Some(_)) if first.is_empty() && bytes == 0 => Self::Beyond,
            (None, Some(count)) if first.is_empty() => {
                Self::Part { first: bytes.saturating_sub(count), last: bytes - 1 }
            }
            _ => Self::Whole,
        }
    }
}

/// A proxy that compresses weakens what it passes on, hence the weak comparison (RFC 9110, 13.1.2).
fn is_known(known: &str, etag: Option<&str>) -> bool {
    let strong = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    known.trim() == "*" || etag.is_some_and(|etag| known.split(',').any(|known| strong(known.trim()) == strong(etag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: Option<&str> = Some("\"v1\"");

    #[test]
    fn ranges() {
        let part = |first, last| Wanted::Part { first, last };
        for (asked, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-", part(2, 9)),
            ("bytes=2-5", part(2, 5)),
            ("bytes=2-500", part(2, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=10-", Wanted::Beyond),
            ("bytes=10-20", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
        ] {
            assert_eq!(Wanted::of_range(asked, 10), expected, "{asked}");
        }
        assert_eq!(Wanted::of_range("bytes=0-", 0), Wanted::Beyond);
        assert_eq!(Wanted::of_range("bytes=-1", 0), Wanted::Beyond);
    }

    #[test]
    fn conditions() {
        let range = || (RANGE, "bytes=0-1");
        let part = || Wanted::Part { first: 0, last: 1 };
        for (headers, expected) in [
            (&[][..], Wanted::Whole),
            (&[(IF_NONE_MATCH, "\"v1\"")], Wanted::Nothing),
            (&[(IF_NONE_MATCH, "W/\"v1\"")], Wanted::Nothing),
            (&[(IF_NONE_MATCH, "\"v0\", \"v1\"")], Wanted::Nothing),
            (&[(IF_NONE_MATCH, "*")], Wanted::Nothing),
            (&[(IF_NONE_MATCH, "\"v0\"")], Wanted::Whole),
            (&[(IF_NONE_MATCH, "v1")], Wanted::Whole),
            (&[range()], part()),
            (&[range(), (IF_NONE_MATCH, "\"v0\"")], part()),
            (&[range(), (IF_NONE_MATCH, "\"v1\"")], Wanted::Nothing),
            (&[range(), (IF_RANGE, "\"v1\"")], part()),
            (&[range(), (IF_RANGE, "\"v0\"")], Wanted::Whole),
            // Strong comparison; and no date is sent that one could come back.
            (&[range(), (IF_RANGE, "W/\"v1\"")], Wanted::Whole),
            (&[range(), (IF_RANGE, "Tue, 08 Apr 2025 00:00:00 GMT")], Wanted::Whole),
        ] {
            let sent: HeaderMap = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            assert_eq!(Wanted::of(&sent, false, ETAG, 10), expected, "{headers:?}");
        }
        let sent = HeaderMap::from_iter([(RANGE, "bytes=0-1".parse().unwrap())]);
        assert_eq!(Wanted::of(&sent, true, ETAG, 10), Wanted::Whole, "only a GET has parts");
        let sent = HeaderMap::from_iter([(IF_NONE_MATCH, "\"\"".parse().unwrap())]);
        assert_eq!(Wanted::of(&sent, false, None, 10), Wanted::Whole, "a version without a name is never known");
    }
}
