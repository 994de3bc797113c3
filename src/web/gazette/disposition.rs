//! How a file is handed out: only what is a PDF is shown by the browser, everything else is saved. A gazette may be an HTML
//! page, and whoever wrote that must not act here.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A PDF may have junk in front: readers look for its sign in the first 1,024 bytes (PDF 32000-1, annex H.3.4.1).
pub const BEGINNING_BYTES: u64 = 1_024;

/// Type and disposition of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    pub kind: &'static str,
    pub disposition: String,
    pub policy: &'static str,
}

const PDF: &str = "application/pdf";

impl Shown {
    pub fn is_pdf(&self) -> bool {
        self.kind == PDF
    }
}

/// From the first bytes and the name of a file.
pub fn of(beginning: &[u8], key: &str) -> Shown {
    let is_pdf = beginning.windows(5).any(|window| window == b"%PDF-");
    let name = key.rsplit('/').next().unwrap_or_default();
    // RFC 6266: the plain name for old browsers, the encoded one for names with accents.
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let name = format!("filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    if is_pdf {
        let policy = "frame-ancestors 'self'";
        Shown { kind: PDF, disposition: format!("inline; {name}"), policy }
    } else {
        let policy = "default-src 'none'; sandbox; frame-ancestors 'none'";
        Shown { kind: "application/octet-stream", disposition: format!("attachment; {name}"), policy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pdf_is_shown() {
        let pdf = of(b"junk\n%PDF-1.4", "a/Di\u{e1}rio n\u{ba} 1.pdf");
        assert_eq!(pdf.kind, "application/pdf");
        assert_eq!(
            pdf.disposition,
            "inline; filename=\"Di_rio n_ 1.pdf\"; filename*=UTF-8''Di%C3%A1rio%20n%C2%BA%201%2Epdf"
        );
        for (beginning, name) in
            [(&b"<html><script>"[..], "a.html"), (b"<html>", "a.pdf"), (b"", "x\"\r\nSet-Cookie: a"), (b"PK", "a.zip")]
        {
            let other = of(beginning, name);
            assert_eq!(other.kind, "application/octet-stream", "{name}");
            assert!(other.disposition.starts_with("attachment; "), "{name}");
            assert!(!other.disposition.contains(['\r', '\n']) && other.disposition.matches('"').count() == 2, "{name}");
        }
    }
}
