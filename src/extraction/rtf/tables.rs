//! What names and numbers of RTF stand for.

/// What a word stands for that is a character (specification, "Special Characters").
pub(super) fn character(name: &[u8]) -> Option<char> {
    Some(match name {
        b"emdash" => '—',
        b"endash" => '–',
        b"lquote" => '‘',
        b"rquote" => '’',
        b"ldblquote" => '“',
        b"rdblquote" => '”',
        b"bullet" => '•',
        b"emspace" | b"enspace" | b"qmspace" => ' ',
        _ => return None,
    })
}

/// The code page of a font (specification, `\fcharset`).
pub(super) fn of_font_charset(number: i32) -> Option<u32> {
    Some(match number {
        77 => 10_000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        255 => 850,
        _ => return None,
    })
}
