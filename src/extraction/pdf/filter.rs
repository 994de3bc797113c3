//! The filters that content and fonts come in beside Flate (PDF 32000-1 sections 7.4.2 to 7.4.5).
//!
//! Each gives nothing when its output would pass `cap` bytes, and ends where the data stops making sense.

/// Section 7.4.2.
pub(super) fn ascii_hex(data: &[u8], cap: usize) -> Option<Vec<u8>> {
    let digits = data.iter().take_while(|byte| **byte != b'>').filter_map(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(data.len() / 2);
    let mut high = None;
    for digit in digits {
        // Digits are below 16.
        #[allow(clippy::cast_possible_truncation)]
        let digit = digit as u8;
        match high.take() {
            Some(high) => decoded.push(high << 4 | digit),
            None => high = Some(digit),
        }
    }
    decoded.extend(high.map(|high| high << 4));
    (decoded.len() <= cap).then_some(decoded)
}

/// Section 7.4.3.
pub(super) fn ascii85(data: &[u8], cap: usize) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(data.len().min(cap));
    let data = data.strip_prefix(b"<~").unwrap_or(data);
    let mut group = [84_u32; 5];
    let mut count = 0;
    for byte in data {
        match byte {
            b'z' if count == 0 => decoded.extend([0; 4]),
            b'!'..=b'u' => {
                group[count] = u32::from(byte - b'!');
                count += 1;
            }
            b'~' => break,
            _ => {}
        }
        if count == 5 {
            decoded.extend(word(group));
            (group, count) = ([84; 5], 0);
        }
        if decoded.len() > cap {
            return None;
        }
    }
    // A last group of n characters stands for n - 1 bytes.
    if count > 1 {
        decoded.extend(&word(group)[..count - 1]);
    }
    (decoded.len() <= cap).then_some(decoded)
}

fn word(group: [u32; 5]) -> [u8; 4] {
    group.iter().fold(0_u32, |word, digit| word.wrapping_mul(85).wrapping_add(*digit)).to_be_bytes()
}

/// Section 7.4.5.
pub(super) fn run_length(data: &[u8], cap: usize) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = data;
    while let [length, tail @ ..] = rest {
        let length = usize::from(*length);
        match length {
            128 => break,
            0..128 => {
                let copied = tail.len().min(length + 1);
                decoded.extend_from_slice(&tail[..copied]);
                rest = &tail[copied..];
            }
            _ => {
                let [byte, tail @ ..] = tail else { break };
                decoded.resize(decoded.len() + 257 - length, *byte);
                rest = tail;
            }
        }
        if decoded.len() > cap {
            return None;
        }
    }
    Some(decoded)
}

/// Section 7.4.4. `early` is the `EarlyChange` parameter: codes grow by a bit one code too soon.
pub(super) fn lzw(data: &[u8], early: bool, cap: usize) -> Option<Vec<u8>> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    const FULL: usize = 4096;
    let mut decoded: Vec<u8> = Vec::new();
    // An entry is a range of what was decoded already.
    let mut entries: Vec<(usize, usize)> = Vec::with_capacity(FULL);
    let mut previous: Option<(usize, usize)> = None;
    let (mut bits, mut available, mut width) = (0_u32, 0, 9);
    for byte in data {
        bits = bits << 8 | u32::from(*byte);
        available += 8;
        if available < width {
            continue;
        }
        available -= width;
        let code = (bits >> available & ((1 << width) - 1)) as usize;
        if code == END {
            break;
        }
        if code == CLEAR {
            entries.clear();
            (previous, width) = (None, 9);
            continue;
        }
        let start = decoded.len();
        if code < CLEAR {
            // Below 256.
            #[allow(clippy::cast_possible_truncation)]
            decoded.push(code as u8);
        } else if let Some((from, to)) = entries.get(code - END - 1).copied() {
            decoded.extend_from_within(from..to);
        } else if let Some((from, to)) = previous {
            decoded.extend_from_within(from..to);
            decoded.push(decoded[from]);
        } else {
            break;
        }
        if decoded.len() > cap {
            return None;
        }
        if let Some((from, to)) = previous
            && entries.len() < FULL - END - 1
        {
            // The previous string and the first byte of this one, which follows it.
            entries.push((from, to + 1));
        }
        previous = Some((start, decoded.len()));
        let next = entries.len() + END + 1 + usize::from(early);
        width = match next {
            0..=511 => 9,
            512..=1023 => 10,
            1024..=2047 => 11,
            _ => 12,
        };
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_decode_and_stop_at_the_cap() {
        type Decode = fn(&[u8], usize) -> Option<Vec<u8>>;
        let lzw_early: Decode = |data, cap| lzw(data, true, cap);
        let cases: &[(&str, Decode, &[u8], &[u8])] = &[
            ("hexadecimal", ascii_hex, b"48 65\n6c6C6f>zz", b"Hello"),
            ("hexadecimal, odd", ascii_hex, b"4", b"\x40"),
            ("base 85", ascii85, b"87cURD]i,\"Ebo80~>", b"Hello World!"),
            ("base 85, prefix and rest", ascii85, b"<~87cUR\nDZ~>", b"Hello"),
            ("base 85, z", ascii85, b"z", b"\0\0\0\0"),
            ("run length", run_length, b"\x02abc\xfed\x80junk", b"abcddd"),
            ("run length, cut", run_length, b"\x05ab", b"ab"),
            // The example of section 7.4.4.2.
            ("LZW", lzw_early, b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", b"-----A---B"),
        ];
        for (name, decode, data, expected) in cases {
            assert_eq!(decode(data, expected.len()).as_deref(), Some(*expected), "{name}");
            assert_eq!(decode(data, expected.len() - 1), None, "{name}, capped");
        }
    }
}
