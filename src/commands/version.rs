//! What this program is and what it was built from.

use std::sync::LazyLock;

use crate::gazette::EXTRACTOR_VERSION;

/// One line: version and commit.
#[must_use]
pub fn short() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| match env!("BUILD_COMMIT") {
        "" => env!("CARGO_PKG_VERSION").to_owned(),
        commit => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    });
    &TEXT
}

/// What `--version` prints behind the name.
#[must_use]
pub fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let or = |text: &'static str, otherwise| if text.is_empty() { otherwise } else { text };
        format!(
            "{}\n\
             commit: {}\n\
             build: {} for {}\n\
             features: {}\n\
             catalogue: sqlite, postgres\n\
             storage: file, s3\n\
             index: tantivy, opensearch\n\
             extractor version: {EXTRACTOR_VERSION}",
            env!("CARGO_PKG_VERSION"),
            or(env!("BUILD_COMMIT"), "not known (a debug build, or built without git)"),
            env!("BUILD_PROFILE"),
            env!("BUILD_TARGET"),
            or(env!("BUILD_FEATURES"), "none"),
        )
    });
    &TEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_version_and_every_other_a_key() {
        let mut lines = long().lines();
        assert_eq!(lines.next(), Some(env!("CARGO_PKG_VERSION")));
        assert!(lines.all(|line| line.contains(": ")), "{}", long());
        assert!(short().starts_with(env!("CARGO_PKG_VERSION")));
    }
}
