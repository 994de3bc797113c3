//! `Option<PrimitiveDateTime>` as an ISO 8601 string in UTC, for programs that read our JSON.

use serde::Serializer;
use time::PrimitiveDateTime;
use time::format_description::well_known::Rfc3339;

#[allow(clippy::ref_option)] // the signature that serde calls
pub fn serialize<S: Serializer>(moment: &Option<PrimitiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => {
            let text = moment.assume_utc().format(&Rfc3339).map_err(serde::ser::Error::custom)?;
            serializer.serialize_some(&text)
        }
        None => serializer.serialize_none(),
    }
}
