//! Detection of file formats, and decoding of text.

use super::*;

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

fn windows_1252(text: &str) -> Vec<u8> {
    WINDOWS_1252.encode(text).0.into_owned()
}

/// Returns a few bytes at a time.
struct Drip<'a> {
    text: &'a [u8],
    bytes: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.min(into.len());
        self.text.read(&mut into[..bytes])
    }
}

#[test]
fn the_format_of_a_file_is_detected_by_its_first_bytes() {
    let header = "PersonId,ManagerId,Größe,Łódź\n";
    let little = utf16(header, u16::to_le_bytes);
    let big = utf16(header, u16::to_be_bytes);
    let cases: &[(&[u8], FileFormat)] = &[
        (b"", FileFormat::Empty),
        (b"\n", FileFormat::Utf8 { bom: false }),
        (b"PersonId,ManagerId\n", FileFormat::Utf8 { bom: false }),
        (b"P", FileFormat::Utf8 { bom: false }),
        (b"PK,Name\n", FileFormat::Utf8 { bom: false }),
        (header.as_bytes(), FileFormat::Utf8 { bom: false }),
        (&windows_1252("Größe,Name\n"), FileFormat::Utf8 { bom: false }),
        (b"\xEF\xBB\xBFPersonId\n", FileFormat::Utf8 { bom: true }),
        (b"\xEF\xBB\xBF", FileFormat::Utf8 { bom: true }),
        (&little, FileFormat::Utf16(UTF_16LE)),
        (&big, FileFormat::Utf16(UTF_16BE)),
        (&[&b"\xFF\xFE"[..], &little].concat(), FileFormat::Utf16(UTF_16LE)),
        (&[&b"\xFE\xFF"[..], &big].concat(), FileFormat::Utf16(UTF_16BE)),
        (b"\xFF\xFE", FileFormat::Utf16(UTF_16LE)),
        (b"a\0", FileFormat::Utf16(UTF_16LE)),
        (b"PK\x03\x04\x14\0", FileFormat::Zip),
        (b"PK\x05\x06\0\0", FileFormat::Zip),
        (b"\x1F\x8B\x08", FileFormat::Gzip),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", FileFormat::Excel),
        (b"\r\n <!DOCTYPE html>", FileFormat::Markup),
        (b"<html><head>", FileFormat::Markup),
        (b"<?xml version=\"1.0\"?>", FileFormat::Markup),
        (b"<none>,Name\n", FileFormat::Utf8 { bom: false }),
        (b"%PDF-1.7\n\0\x01\x02", FileFormat::Binary),
        (&[0; 16], FileFormat::Binary),
    ];
    for (start, expected) in cases {
        assert_eq!(detect(start), *expected, "{start:?}");
    }
}

#[test]
fn bytes_far_from_the_beginning_are_not_used() {
    let far = [vec![b'a'; DETECT_BYTES], vec![0]].concat();
    assert_eq!(detect(&far), FileFormat::Utf8 { bom: false });
    assert_eq!(detect(&far[1..]), FileFormat::Binary);
}

#[test]
fn western_text_looks_like_windows_1252() {
    let texts = [
        "Müller,Größe,Straße,Ärzte",
        "São Paulo,Conceição,Atenções,créée",
        "Åse Øyen,Ærø,Zoë,Þýðandi,JOSÉ NUÑEZ",
        "O’Brien,“Sales”,‘x’,„so“,5 €,€5",
        "«École»,Köln–Bonn,Mª Ángeles,nº 1,¿qué?,20 °C,Col·legi",
        "Šimon,Žofie,Œuvre,œuvre,ŸŸ,…",
    ];
    for text in texts {
        let bytes = windows_1252(text);
        assert_eq!(WINDOWS_1252.decode(&bytes).0, text, "the test data is correct");
        assert!(looks_like_windows_1252(&bytes), "{text}");
    }
}

#[test]
fn other_encodings_do_not_look_like_windows_1252() {
    let encoded: [(&str, &Encoding); 12] = [
        ("Москва,Иванов", encoding_rs::WINDOWS_1251),
        ("Москва,Иванов", encoding_rs::KOI8_R),
        ("Αθήνα,Παπαδόπουλος", encoding_rs::WINDOWS_1253),
        ("ירושלים", encoding_rs::WINDOWS_1255),
        ("Wałęsa,Łódź", encoding_rs::WINDOWS_1250),
        ("東京,田中太郎", encoding_rs::SHIFT_JIS),
        ("東京,田中太郎", encoding_rs::EUC_JP),
        ("北京,王小明", encoding_rs::GBK),
        ("서울,김철수", encoding_rs::EUC_KR),
        ("Müller,José", encoding_rs::MACINTOSH),
        ("André,José", encoding_rs::UTF_8),
        ("Müller,Größe", encoding_rs::UTF_8),
    ];
    for (text, encoding) in encoded {
        let (bytes, _, has_unmapped) = encoding.encode(text);
        assert!(!has_unmapped, "the test data is correct");
        assert!(!looks_like_windows_1252(&bytes), "{text} in {}", encoding.name());
    }
    let dos: [(&str, &[u8]); 3] =
        [("Köln", b"K\x94ln"), ("Mädchen", b"M\x84dchen"), ("Müller", b"M\x81ller")];
    for (text, bytes) in dos {
        assert!(!looks_like_windows_1252(bytes), "{text} in DOS");
    }
    assert!(!looks_like_windows_1252(b"a\x9Db"));
    assert!(!looks_like_windows_1252(b"caf\xE9\0"));
}

#[test]
fn text_is_decoded_whatever_the_sizes_of_reads() {
    let text = "Größe,東京,😀,\"a\r\nb\"\r\n".repeat(40);
    let little = utf16(&text, u16::to_le_bytes);
    let big = utf16(&text, u16::to_be_bytes);
    let western = "Größe,5 €,“Zoë”\r\n".repeat(40);
    let with_mark = |mark: &[u8], text: &[u8]| [mark, text].concat();
    let cases: [(&'static Encoding, Vec<u8>, &str); 8] = [
        (UTF_16LE, little.clone(), &text),
        (UTF_16BE, big.clone(), &text),
        (UTF_16LE, with_mark(b"\xFF\xFE", &little), &text),
        (UTF_16BE, with_mark(b"\xFE\xFF", &big), &text),
        // The byte order mark takes precedence.
        (UTF_16LE, with_mark(b"\xFE\xFF", &big), &text),
        (UTF_16LE, b"\xFF\xFE".to_vec(), ""),
        (WINDOWS_1252, windows_1252(&western), &western),
        (WINDOWS_1252, vec![], ""),
    ];
    for (encoding, bytes, expected) in cases {
        for drip in [1, 2, 3, 7, 1 << 20] {
            let mut text = String::new();
            decoded(Drip { text: &bytes, bytes: drip }, encoding)
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, expected, "{} by {drip}", encoding.name());
        }
        let mut byte_by_byte = vec![];
        let mut reader = decoded(&bytes[..], encoding);
        let mut byte = [0];
        while reader.read(&mut byte).unwrap() > 0 {
            byte_by_byte.extend(byte);
        }
        assert_eq!(byte_by_byte, expected.as_bytes(), "{}", encoding.name());
    }
}

#[test]
fn text_longer_than_the_buffer_is_decoded_completely() {
    let text = "é東😀\n".repeat(TEXT_BYTES / 4);
    let bytes = utf16(&text, u16::to_le_bytes);
    let mut decoded_text = String::new();
    decoded(&bytes[..], UTF_16LE).read_to_string(&mut decoded_text).unwrap();
    assert!(decoded_text == text);
}

#[test]
fn invalid_bytes_are_an_error_with_their_line() {
    let lines = |text: &str| utf16(text, u16::to_le_bytes);
    let lone = |half: u16| half.to_le_bytes().to_vec();
    let cases: [(&'static Encoding, Vec<u8>, u64); 8] = [
        (UTF_16LE, [lines("a\n1\n"), lone(0xD800), lines("b\n")].concat(), 3),
        (UTF_16LE, [lines("a\n1"), lone(0xDC00), lines("\nb")].concat(), 2),
        (UTF_16LE, [lines("a\n1\n"), lone(0xD83D)].concat(), 3),
        (UTF_16LE, [lines("a\n1"), vec![b'x']].concat(), 2),
        (WINDOWS_1252, b"a\nb\n\xE9\x81\nc\n".to_vec(), 3),
        (WINDOWS_1252, b"\x9D\n".to_vec(), 1),
        (WINDOWS_1252, [b"x\n".repeat(TEXT_BYTES), vec![0x8F]].concat(), TEXT_BYTES as u64 + 1),
        (encoding_rs::SHIFT_JIS, b"a\n\x93".to_vec(), 2),
    ];
    for (encoding, bytes, line) in cases {
        for drip in [1, 2, 3, 7, 1 << 20] {
            let mut reader = decoded(Drip { text: &bytes, bytes: drip }, encoding);
            let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let malformed = error.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>());
            assert_eq!(malformed, Some(&Malformed { encoding, line }), "{bytes:?}");
        }
    }
}

#[test]
fn the_text_for_invalid_bytes_names_line_and_encoding() {
    assert_eq!(
        Malformed { encoding: UTF_16LE, line: 7 }.to_string(),
        "Line 7 has bytes that are invalid in UTF-16LE, the assumed encoding of the file. Export the \
         file as \"CSV UTF-8\"."
    );
}

#[test]
fn another_delimiter_is_guessed_only_without_commas() {
    let cases = [
        ("PersonId;Name;Level", Some(b';')),
        ("PersonId\tName", Some(b'\t')),
        ("PersonId|Name", Some(b'|')),
        ("\"Name, first\";\"Level\"", Some(b';')),
        ("a;b|c|d", Some(b'|')),
        ("a|b;c\r\n", Some(b';')),
        ("\"a|b|c\";d", Some(b';')),
        ("\"a\"\"|\"\"|\";d", Some(b';')),
        ("PersonId,Name", None),
        ("PersonId,Name;Level;Grade", None),
        ("PersonId", None),
        ("\"a;b\"", None),
        ("", None),
    ];
    for (line, expected) in cases {
        assert_eq!(delimiter_of(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn the_separator_line_of_excel_names_the_delimiter() {
    let cases = [
        ("sep=;", Some(b';')),
        ("sep=;\r\n", Some(b';')),
        ("SEP=,\n", Some(b',')),
        ("Sep=\t\n", Some(b'\t')),
        ("\"sep=;\"\r\n", Some(b';')),
        ("\"sep=\t\"", Some(b'\t')),
        ("sep=|", Some(b'|')),
        ("sep=", None),
        ("sep=\r\n", None),
        ("sep=\"", None),
        ("\"sep=\"", None),
        ("sep=x", None),
        ("sep=;;", None),
        ("sep=;,Name", None),
        ("separator=;", None),
        ("PersonId;Name", None),
        ("\"", None),
        ("", None),
    ];
    for (line, expected) in cases {
        assert_eq!(separator_line(line.as_bytes()), expected, "{line:?}");
    }
}
