//! Moments as programs read and write them: RFC 3339, which is ISO 8601 with fewer liberties.

use serde::{Serialize as _, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// In its own zone; `None` for a year that has not four digits.
#[must_use]
pub fn written(moment: OffsetDateTime) -> Option<String> {
    moment.format(&Rfc3339).ok()
}

/// A moment of a database, which is in UTC.
#[must_use]
pub fn of_utc(moment: PrimitiveDateTime) -> Option<String> {
    written(moment.assume_utc())
}

/// A moment of any zone, in UTC.
#[must_use]
pub fn read(text: &str) -> Option<PrimitiveDateTime> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(UtcOffset::UTC);
    Some(PrimitiveDateTime::new(moment.date(), moment.time()))
}

/// For `#[serde(serialize_with)]`.
///
/// # Errors
/// Those of the serializer.
#[allow(clippy::ref_option)] // the signature that serde calls
pub fn serialize<S: Serializer>(moment: &Option<PrimitiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    moment.and_then(of_utc).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn moments_come_back_as_they_were_written() {
        let moment = datetime!(2026-03-04 05:06:07.123);
        assert_eq!(of_utc(moment).as_deref().and_then(read), Some(moment));
        assert_eq!(read("2026-03-04T02:06:07.123-03:00"), Some(moment));
        assert_eq!(read("yesterday"), None);
    }
}
