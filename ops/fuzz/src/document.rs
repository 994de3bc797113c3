//! Small PDFs round bytes that are to be read as a part of one. Nothing is compressed: a mutation of a byte stays one.

/// A page whose content stream is `content`, with fonts, a form and properties to refer to.
#[must_use]
pub fn of_content(content: &[u8]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.page(
        "/Font << /F1 10 0 R /F2 11 0 R >> /XObject << /X1 12 0 R >> /Properties << /P1 << /ActualText (a) >> >>",
        content,
    );
    pdf.object(10, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    pdf.object(11, "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [13 0 R] >>");
    pdf.stream(12, "/Type /XObject /Subtype /Form /BBox [0 0 99 99]", content);
    pdf.object(13, "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F >>");
    pdf.finish()
}

/// Fonts whose `ToUnicode` or `Encoding` is the CMap `cmap`, and a page that shows codes of one and of two bytes in each.
///
/// Of no known collection: its predefined CMap would be parsed every time, which takes longer than all the rest.
#[must_use]
pub fn of_cmap(cmap: &[u8]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.page("/Font << /F1 10 0 R /F2 11 0 R /F3 12 0 R >>", &showing(&["F1", "F2", "F3"]));
    pdf.object(10, "<< /Type /Font /Subtype /TrueType /BaseFont /F /ToUnicode 14 0 R >>");
    pdf.object(
        11,
        "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [13 0 R] /ToUnicode 14 0 R >>",
    );
    pdf.object(12, "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding 14 0 R /DescendantFonts [13 0 R] >>");
    pdf.object(
        13,
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F /W [1 [500 600] 3 9 250] \
         /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
    );
    pdf.stream(14, "/Type /CMap /CMapName /C", cmap);
    pdf.finish()
}

/// Fonts of every kind whose embedded program is `program`, without any other hint at what their codes mean.
#[must_use]
pub fn of_font_program(program: &[u8]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.page(
        "/Font << /F1 10 0 R /F2 11 0 R /F3 12 0 R /F4 13 0 R /F5 14 0 R >>",
        &showing(&["F1", "F2", "F3", "F4", "F5"]),
    );
    pdf.object(10, "<< /Type /Font /Subtype /TrueType /BaseFont /F /FontDescriptor 20 0 R >>");
    pdf.object(11, "<< /Type /Font /Subtype /Type1 /BaseFont /F /FontDescriptor 21 0 R /Encoding << /Differences [65 /A /g7 /c12] >> >>");
    pdf.object(12, "<< /Type /Font /Subtype /Type1 /BaseFont /F /FontDescriptor 22 0 R >>");
    pdf.object(13, "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [15 0 R] >>");
    pdf.object(14, "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [16 0 R] >>");
    pdf.object(
        15,
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F /FontDescriptor 20 0 R /CIDToGIDMap /Identity >>",
    );
    pdf.object(16, "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /F /FontDescriptor 22 0 R >>");
    pdf.object(20, "<< /Type /FontDescriptor /FontName /F /Flags 4 /FontFile2 30 0 R >>");
    pdf.object(21, "<< /Type /FontDescriptor /FontName /F /Flags 4 /FontFile 30 0 R >>");
    pdf.object(22, "<< /Type /FontDescriptor /FontName /F /Flags 4 /FontFile3 30 0 R >>");
    pdf.stream(30, "/Subtype /OpenType", program);
    pdf.finish()
}

/// Content that shows every code of one byte, and many of two, in each of the fonts.
fn showing(fonts: &[&str]) -> Vec<u8> {
    let codes: String = (0..=255).chain([0, 33, 1, 0, 255, 255]).map(|code: u8| format!("{code:02x}")).collect();
    let shown = fonts.iter().map(|font| format!("BT /{font} 9 Tf 9 9 Td <{codes}> Tj ET\n"));
    shown.collect::<String>().into_bytes()
}

/// A PDF that is being written (PDF 32000-1 section 7.5).
struct Pdf {
    bytes: Vec<u8>,
    /// Object numbers and where the objects begin.
    offsets: Vec<(usize, usize)>,
}

impl Pdf {
    fn new() -> Self {
        let mut pdf = Self { bytes: b"%PDF-1.7\n".to_vec(), offsets: Vec::new() };
        pdf.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
        pdf.object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
        pdf
    }

    fn page(&mut self, resources: &str, content: &[u8]) {
        let page = "/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R";
        self.object(3, &format!("<< {page} /Resources << {resources} >> >>"));
        self.stream(4, "", content);
    }

    fn object(&mut self, number: usize, content: &str) {
        self.offsets.push((number, self.bytes.len()));
        self.bytes.extend(format!("{number} 0 obj\n{content}\nendobj\n").bytes());
    }

    fn stream(&mut self, number: usize, entries: &str, data: &[u8]) {
        self.offsets.push((number, self.bytes.len()));
        self.bytes.extend(format!("{number} 0 obj\n<< {entries} /Length {} >>\nstream\n", data.len()).bytes());
        self.bytes.extend_from_slice(data);
        self.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }

    fn finish(mut self) -> Vec<u8> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"xref\n0 1\n0000000000 65535 f \n");
        for (number, offset) in &self.offsets {
            self.bytes.extend(format!("{number} 1\n{offset:010} 00000 n \n").bytes());
        }
        let size = self.offsets.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
        self.bytes.extend(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    /// A target whose bytes are never reached would find nothing, and say nothing.
    #[test]
    fn the_bytes_are_read_as_the_part_they_stand_for() {
        let text = read(&of_content(b"BT /F1 9 Tf 9 9 Td (tokens) Tj ET /X1 Do")).unwrap();
        assert!(text.contains("tokens"), "{text}");

        let text =
            read(&of_cmap(b"1 beginbfchar <41> <00de00fe> endbfchar 1 beginbfrange <0021> <0021> <00d8> endbfrange"));
        let text = text.unwrap();
        assert!(text.contains("\u{de}\u{fe}") && text.contains('\u{d8}'), "{text}");
    }
}
