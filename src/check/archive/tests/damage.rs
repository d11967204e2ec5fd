use proptest::prelude::*;

use super::*;

#[test]
fn damaged_content_is_found_while_reading() {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let stored = zip_by(options, &[("data.csv", CSV), ("metadata.json", JSON)]);
    let bomb = zip(&[("data.csv", &vec![b'x'; 8 << 20]), ("metadata.json", JSON)]);
    for (case, zip) in [
        ("checksum", with(good(), CHECKSUM, &[0; 4])),
        ("data", replaced(stored, b"PersonId", b"personId")),
        ("states less", with(bomb, UNPACKED, &[20, 0, 0, 0])),
        ("states more", with(good(), UNPACKED, &[0, 1])),
    ] {
        let mut archive = open(Cursor::new(zip), MAX_BYTES, NAMES).unwrap().expect(case);
        let mut csv = Vec::new();
        let error = archive.data().unwrap().unwrap().read_to_end(&mut csv).expect_err(case);
        let fault = damage(&error).expect(case);
        assert!(fault.rule == Id::F05 && fault.is_error, "{case}");
        assert!(csv.len() < 64 * 1024, "{case}: {} bytes", csv.len());
    }
}

/// A disk that fails from an offset on.
#[derive(Debug)]
struct Failing(Cursor<Vec<u8>>, u64);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.position() >= self.1 {
            return Err(io::Error::other("the disk is gone"));
        }
        let left = self.1 - self.0.position();
        Read::take(&mut self.0, left).read(buffer)
    }
}

impl io::Seek for Failing {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

#[test]
fn a_failing_disk_is_not_a_fault_of_the_zip() {
    let error = open(Failing(Cursor::new(good()), 60), MAX_BYTES, NAMES).unwrap_err();
    assert!(damage(&error).is_none());
    assert_eq!(error.to_string(), "the disk is gone");
}

/// Asserts that a changed zip is rejected, has the same content, or is found to be damaged; `read_all` asserts
/// the last.
fn assert_never_misread(zip: &[u8]) {
    match read_all(zip) {
        Ok(Contents { csv, json, .. }) => {
            assert_eq!((csv.as_slice(), json.as_slice()), (CSV, JSON));
        }
        Err(faults) => assert!(!faults.is_empty()),
    }
}

#[test]
fn no_single_changed_bit_and_no_cut_is_misread() {
    for zip in [good(), with_zip64_end(&good(), 2)] {
        for bit in 0..zip.len() * 8 {
            let mut zip = zip.clone();
            zip[bit / 8] ^= 1 << (bit % 8);
            assert_never_misread(&zip);
        }
        (0..zip.len()).for_each(|length| assert_never_misread(&zip[..length]));
    }
}

proptest! {
    #[test]
    fn no_changed_zip_is_misread(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        lost in prop::option::of(any::<prop::sample::Index>()),
        zip64 in any::<bool>(),
    ) {
        let mut zip = if zip64 { with_zip64_end(&good(), 2) } else { good() };
        for (place, byte) in edits {
            let place = place.index(zip.len());
            zip[place] = byte;
        }
        if let Some(lost) = lost {
            zip.remove(lost.index(zip.len()));
        }
        assert_never_misread(&zip);
    }

    #[test]
    fn random_bytes_are_rejected(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        end in any::<[u8; 18]>(),
    ) {
        let zip = [&bytes, END, &end].concat();
        prop_assert!(read_all(&bytes).is_err());
        prop_assert!(read_all(&zip).is_err());
    }
}
