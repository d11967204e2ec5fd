//! Records written as CSV by RFC 4180, with a comma and a line feed, and no quotation mark more
//! than needed.

use memchr::memchr_iter;

/// Writes one record. A record of a single empty value is written as `""`: an empty line is none.
pub fn write_record<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a [u8]>) {
    let start = out.len();
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_value(out, value);
    }
    if out.len() == start {
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    if !value.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    let mut start = 0;
    for mark in memchr_iter(b'"', value) {
        out.extend_from_slice(&value[start..=mark]);
        start = mark; // once more: doubled
    }
    out.extend_from_slice(&value[start..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests;
