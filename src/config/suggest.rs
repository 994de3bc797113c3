//! "Did you mean".

use super::settings::{self, Setting};

/// Below this likeness (1 less the share of letters to change, 0..1) a suggestion is more riddle than help.
const LIKE_ENOUGH: f64 = 0.6;

/// The setting that `key` was most likely meant to be; dashes, underscores and case do not count.
pub(super) fn nearest(key: &str) -> Option<&'static Setting> {
    let bare = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    settings::all()
        .map(|setting| (strsim::normalized_damerau_levenshtein(&bare(key), &bare(setting.key)), setting))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, setting)| setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_nonsense_is_not() {
        for (key, meant) in [
            ("pagesize", Some("page_size")),
            ("page-size", Some("page_size")),
            ("Page_Sise", Some("page_size")),
            ("max_filesize_mb", Some("max_file_size_mb")),
            ("max_file_size", Some("max_file_size_mb")),
            ("catalogue", Some("catalog")),
            ("stroage", Some("storage")),
            ("region", Some("s3_region")),
            ("opensearch_pasword", Some("opensearch_password")),
            ("postgres", None),
            ("zzz", None),
        ] {
            assert_eq!(nearest(key).map(|setting| setting.key), meant, "{key}");
        }
    }
}
