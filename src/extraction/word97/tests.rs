//! Documents made by hand: text in pieces, as Word left it when it saved fast.

use std::io::Write as _;

use super::*;

/// A first block with these counts of characters, and the place of the piece table.
fn block(counts: &[u32], flags: u16, clx_bytes: usize) -> Vec<u8> {
    let mut block = vec![0; 1024];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &0xa5ec_u16.to_le_bytes());
    put(2, &0x00c1_u16.to_le_bytes());
    put(0x0a, &flags.to_le_bytes());
    for (index, count) in counts.iter().enumerate() {
        put(0x4c + index * 4, &count.to_le_bytes());
    }
    put(0x1a6, &u32::try_from(clx_bytes).unwrap().to_le_bytes());
    block
}

/// Pieces of (text, in 16 bits): the bytes of the main stream behind its first block, and the piece table.
fn pieced(pieces: &[(&str, bool)], order: &[usize]) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut places = vec![0; pieces.len()];
    for index in order {
        let (text, is_wide) = pieces[*index];
        let offset = u32::try_from(1024 + bytes.len()).unwrap();
        if is_wide {
            places[*index] = offset;
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        } else {
            places[*index] = (offset * 2) | 0x4000_0000;
            bytes.extend_from_slice(&encoding_rs::WINDOWS_1252.encode(text).0);
        }
    }
    let mut list = 0_u32.to_le_bytes().to_vec();
    let mut position = 0;
    for (text, _) in pieces {
        position += u32::try_from(text.encode_utf16().count()).unwrap();
        list.extend_from_slice(&position.to_le_bytes());
    }
    for place in places {
        list.extend_from_slice(&[0, 0]);
        list.extend_from_slice(&u32::to_le_bytes(place));
        list.extend_from_slice(&[0, 0]);
    }
    let mut clx = vec![1, 2, 0, 0, 0, 2];
    clx.extend_from_slice(&u32::try_from(list.len()).unwrap().to_le_bytes());
    clx.extend_from_slice(&list);
    (bytes, clx)
}

fn document(main: &[u8], table: &[u8]) -> Vec<u8> {
    let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (name, content) in [(MAIN_STREAM, main), ("/0Table", table)] {
        file.create_stream(name).unwrap().write_all(content).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

fn read_bytes(bytes: &[u8]) -> Result<Text, Failure> {
    super::read(&mut CompoundFile::open(Cursor::new(bytes)).unwrap(), &Limits::default(), &|| {})
}

#[test]
fn pieces_are_put_in_order_whatever_their_place_and_width() {
    let pieces = [
        ("O Prefeito – ", false),
        ("“resolve” \u{1f4c9}:\r", true),
        ("Art. 1º Nomear\u{b}João\u{1e}Bosco\u{1f}\r", false),
    ];
    let (bytes, clx) = pieced(&pieces, &[2, 0, 1]);
    let count = pieces.iter().map(|(text, _)| u32::try_from(text.encode_utf16().count()).unwrap()).sum();
    let mut main = block(&[count], 0x0004, clx.len());
    main.extend_from_slice(&bytes);
    let text = read_bytes(&document(&main, &clx)).unwrap();
    assert_eq!(text.text, "O Prefeito – “resolve” \u{1f4c9}:\nArt. 1º Nomear\nJoão-Bosco");
    assert!(!text.partial);

    // The same, with less text than there should be.
    let mut main = block(&[count + 100], 0, clx.len());
    main.extend_from_slice(&bytes);
    assert!(read_bytes(&document(&main, &clx)).unwrap().partial);
    main.truncate(1024);
    assert_eq!(read_bytes(&document(&main, &clx)).unwrap_err().code, FailureCode::FileDamaged);
}

#[test]
fn fields_show_their_result_and_tables_are_rows_by_their_marks() {
    let text = "Ver \u{13}HYPERLINK \"x\" \u{13}PAGE\u{14}9\u{15}\u{14}o sítio\u{15}.\rCargo\u{7}Valor\u{7}\u{7}Um\u{7}R$ 1\u{7}\u{7}fim\u{c}dois\r";
    let (bytes, clx) = pieced(&[(text, false)], &[0]);
    let mut main = block(&[u32::try_from(text.chars().count()).unwrap()], 0, clx.len());
    main.extend_from_slice(&bytes);
    let read = read_bytes(&document(&main, &clx)).unwrap();
    assert_eq!((read.text.as_str(), read.pages), ("Ver o sítio.\nCargo\tValor\nUm\tR$ 1\nfim\u{c}dois", 2));
}

#[test]
fn pieces_that_repeat_the_same_bytes_end() {
    let (bytes, _) = pieced(&[("texto repetido\r", false)], &[0]);
    let count = 50_000_u32;
    let mut list = Vec::new();
    for position in 0..=count {
        list.extend_from_slice(&(position * 15).to_le_bytes());
    }
    for _ in 0..count {
        list.extend_from_slice(&[0, 0]);
        list.extend_from_slice(&(2048_u32 | 0x4000_0000).to_le_bytes());
        list.extend_from_slice(&[0, 0]);
    }
    let mut clx = vec![2];
    clx.extend_from_slice(&u32::try_from(list.len()).unwrap().to_le_bytes());
    clx.extend_from_slice(&list);
    let mut main = block(&[count * 15], 0, clx.len());
    main.extend_from_slice(&bytes);
    let text = read_bytes(&document(&main, &clx)).unwrap();
    assert!(text.partial && text.characters < 5_000, "{}", text.characters);
}

#[test]
fn other_words_are_told_apart() {
    let (bytes, clx) = pieced(&[("segredo\r", false)], &[0]);
    let of = |flags: u16, version: u16| {
        let mut main = block(&[8], flags, clx.len());
        main[2..4].copy_from_slice(&version.to_le_bytes());
        main.extend_from_slice(&bytes);
        read_bytes(&document(&main, &clx))
    };
    assert_eq!(of(0x0100, 0xc1).unwrap_err().code, FailureCode::Encrypted);
    assert_eq!(of(0, 0x21).unwrap_err().code, FailureCode::UnsupportedFormat);
    assert_eq!(of(4, 0x68).unwrap_err().code, FailureCode::UnsupportedFormat);
    assert_eq!(of(0x0200, 0xc1).unwrap_err().code, FailureCode::FileDamaged);
    assert_eq!(of(0, 0xc1).unwrap().text, "segredo");
}
