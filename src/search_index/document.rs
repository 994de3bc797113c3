//! The index document, as existing readers of such an index expect it.
//!
//! One that breaks their rules costs them a whole page of hits, so they are kept here and nowhere else.

use serde::{Deserialize, Serialize};
use time::{Date, PrimitiveDateTime};

use crate::gazette::{Gazette, GazetteId};

/// One gazette in the index. `_id` is the gazette's catalogue id.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    pub id: GazetteId,
    #[serde(flatten)]
    pub metadata: Metadata,
    /// The text, pages separated by U+000C.
    pub source_text: String,
    pub prelo: Provenance,
}

/// What the catalogue knows of a gazette, in the words of the index. Unknown strings are empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metadata {
    /// `YYYY-MM-DD`; left out where it is not known, since nothing else would be a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    pub edition_number: String,
    pub is_extra_edition: Option<bool>,
    pub power: Option<String>,
    pub file_checksum: String,
    pub file_path: String,
    pub file_url: Option<String>,
    /// Where readers fetch the file.
    pub url: String,
    /// Where readers fetch the text.
    pub file_raw_txt: String,
    /// ISO 8601 without offset, as the catalogue has it.
    pub scraped_at: String,
    /// As `scraped_at`.
    pub created_at: String,
    /// Always true: what is indexed is processed.
    pub processed: bool,
    pub territory_id: String,
    pub territory_name: String,
    pub state_code: String,
}

/// How the document came to be; the object `prelo` of the document. All of it is empty in a document that another
/// service wrote.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    pub extractor_version: i32,
    pub pages: u32,
    pub ocr_pages: u32,
    /// These pages, counted from 1, such as `1-3,7`.
    pub ocr_page_numbers: String,
    /// 0..1, the mean over the words that OCR has read.
    pub ocr_confidence: Option<f32>,
    /// 0..1, where the reader can tell.
    pub quality: Option<f32>,
    pub run_id: String,
    /// RFC 3339, UTC.
    pub indexed_at: String,
}

/// How `url` and `file_raw_txt` are made from a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// `QUERIDO_DIARIO_FILES_ENDPOINT`; no slash at its end. Empty: the bare key.
    pub files_endpoint: String,
    /// `USE_RELATIVE_FILE_PATHS`: the bare key.
    pub relative: bool,
}

impl Links {
    /// The key as it is, not percent-encoded: existing readers hold such links.
    fn to(&self, key: &str) -> String {
        if self.relative || self.files_endpoint.is_empty() || key.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.files_endpoint)
        }
    }
}

impl Document {
    /// Joins what the catalogue knows with the text. The rules that readers rely on: `date` is `YYYY-MM-DD`;
    /// `scraped_at` and `created_at` are ISO strings, a missing one falls back to the other, then to the date's
    /// midnight, then to `prelo.indexed_at` (it was there by then); `edition_number` is a string; territory, url and
    /// checksum are always there. `text_key` is the key under which the text was stored.
    #[must_use]
    pub fn new(gazette: &Gazette, text: String, text_key: &str, links: &Links, prelo: Provenance) -> Self {
        let moment = |first: Option<PrimitiveDateTime>, second: Option<PrimitiveDateTime>| {
            let known = first.or(second).or(gazette.date.map(Date::midnight));
            known.map_or_else(|| prelo.indexed_at.clone(), iso)
        };
        let territory = gazette.territory.as_ref();
        let territory_id = territory.map(|territory| &territory.id).or(gazette.territory_id.as_ref());
        let key = gazette.file_path.as_deref().unwrap_or_default();
        let metadata = Metadata {
            date: gazette.date.map(day),
            edition_number: gazette.edition_number.clone().unwrap_or_default(),
            is_extra_edition: gazette.is_extra_edition,
            power: gazette.power.clone(),
            file_checksum: gazette.file_checksum.clone().unwrap_or_default(),
            file_path: key.to_owned(),
            file_url: gazette.file_url.clone(),
            url: links.to(key),
            file_raw_txt: links.to(text_key),
            scraped_at: moment(gazette.scraped_at, gazette.created_at),
            created_at: moment(gazette.created_at, gazette.scraped_at),
            processed: true,
            territory_id: territory_id.cloned().unwrap_or_default(),
            territory_name: territory.map(|territory| territory.name.clone()).unwrap_or_default(),
            state_code: territory.map(|territory| territory.state_code.clone()).unwrap_or_default(),
        };
        Self { id: gazette.id, metadata, source_text: text, prelo }
    }
}

/// `YYYY-MM-DD`.
pub(super) fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// `YYYY-MM-DDThh:mm:ss`, with microseconds where there are any.
fn iso(moment: PrimitiveDateTime) -> String {
    let (hour, minute, second, micro) = moment.time().as_hms_micro();
    let seconds = format!("{}T{hour:02}:{minute:02}:{second:02}", day(moment.date()));
    if micro == 0 { seconds } else { format!("{seconds}.{micro:06}") }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::gazette::Territory;
    use serde_json::json;
    use time::macros::{date, datetime};

    pub fn gazette(id: i64) -> Gazette {
        Gazette {
            id: GazetteId(id),
            territory_id: Some("2704302".into()),
            territory: Some(Territory { id: "2704302".into(), name: "Maceió".into(), state_code: "AL".into() }),
            date: Some(date!(2024 - 03 - 05)),
            edition_number: Some("1234-A".into()),
            is_extra_edition: Some(false),
            power: Some("executive".into()),
            file_checksum: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
            file_path: Some("2704302/2024-03-05/a b.pdf".into()),
            file_url: Some("https://example.org/a.pdf".into()),
            scraped_at: Some(datetime!(2024-03-06 07:08:09.123456)),
            created_at: Some(datetime!(2024-03-06 07:08:10)),
        }
    }

    fn written(gazette: &Gazette, links: &Links) -> serde_json::Value {
        let prelo =
            Provenance { indexed_at: "2026-01-02T03:04:05Z".into(), run_id: "r".into(), ..Provenance::default() };
        serde_json::to_value(Document::new(gazette, "um\u{c}dois".into(), "k.pdf.txt", links, prelo)).unwrap()
    }

    #[test]
    fn a_whole_document() {
        let links = Links { files_endpoint: "https://files.example".into(), relative: false };
        assert_eq!(
            written(&gazette(7), &links),
            json!({
                "id": 7, "date": "2024-03-05", "edition_number": "1234-A", "is_extra_edition": false,
                "power": "executive", "file_checksum": "d41d8cd98f00b204e9800998ecf8427e",
                "file_path": "2704302/2024-03-05/a b.pdf", "file_url": "https://example.org/a.pdf",
                "url": "https://files.example/2704302/2024-03-05/a b.pdf",
                "file_raw_txt": "https://files.example/k.pdf.txt",
                "scraped_at": "2024-03-06T07:08:09.123456", "created_at": "2024-03-06T07:08:10",
                "processed": true, "territory_id": "2704302", "territory_name": "Maceió", "state_code": "AL",
                "source_text": "um\u{c}dois",
                "prelo": {"extractor_version": 0, "pages": 0, "ocr_pages": 0, "ocr_page_numbers": "", "ocr_confidence": null,
                    "quality": null, "run_id": "r",
                          "indexed_at": "2026-01-02T03:04:05Z"}
            })
        );
    }

    #[test]
    fn links_are_bare_keys_when_asked_or_without_an_endpoint() {
        for (endpoint, relative) in [("https://files.example", true), ("", false), ("", true)] {
            let document = written(&gazette(7), &Links { files_endpoint: endpoint.into(), relative });
            assert_eq!(document["url"], "2704302/2024-03-05/a b.pdf");
            assert_eq!(document["file_raw_txt"], "k.pdf.txt");
        }
    }

    #[test]
    fn moments_fall_back() {
        let (scraped, created) = (Some(datetime!(2024-03-06 07:08:09)), Some(datetime!(2024-03-07 00:00)));
        let (s, c) = ("2024-03-06T07:08:09", "2024-03-07T00:00:00");
        let (midnight, indexed) = ("2024-03-05T00:00:00", "2026-01-02T03:04:05Z");
        let day = Some(date!(2024 - 03 - 05));
        for (scraped_at, created_at, date, expected) in [
            (scraped, created, day, (s, c)),
            (scraped, None, day, (s, s)),
            (None, created, None, (c, c)),
            (None, None, day, (midnight, midnight)),
            (None, None, None, (indexed, indexed)),
        ] {
            let document = written(&Gazette { date, scraped_at, created_at, ..gazette(1) }, &Links::default());
            assert_eq!(
                (document["scraped_at"].as_str(), document["created_at"].as_str()),
                (Some(expected.0), Some(expected.1))
            );
        }
    }

    #[test]
    fn what_is_unknown_is_empty_and_never_missing() {
        let document =
            written(&Gazette::bare(1), &Links { files_endpoint: "https://files.example".into(), relative: false });
        for field in ["url", "file_checksum", "territory_id", "territory_name", "state_code", "edition_number"] {
            assert_eq!(document[field], "", "{field}");
        }
        assert!(document.get("date").is_none());
        assert!(document["power"].is_null() && document["is_extra_edition"].is_null());
    }
}
