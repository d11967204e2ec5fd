//! The path of a request, as the server of the host (Kestrel) decodes it and as its proxy (YARP) encodes it anew.
//!
//! `%2F` and what is not UTF-8 stay encoded when the path is decoded. The proxy then encodes their `%`, so
//! `a%2Fb` arrives at the handler as `a%252Fb`.

use std::fmt::Write as _;

/// Decodes a path and removes its dot segments; `None` if the server rejects it.
pub(super) fn decode(raw: &str) -> Option<String> {
    let mut path = String::new();
    let mut rest = raw;
    while let Some(letter) = rest.chars().next() {
        match escaped(rest) {
            Some('\0') => return None,
            Some(escaped) if escaped != '/' => {
                path.push(escaped);
                rest = &rest[3 * escaped.len_utf8()..];
            }
            Some(_) | None => {
                path.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    Some(without_dots(&path))
}

/// The character that a text begins with, as escapes of its UTF-8.
fn escaped(text: &str) -> Option<char> {
    let mut bytes = Vec::new();
    for place in 0..4 {
        let hex = text.get(3 * place..3 * place + 3)?.strip_prefix('%')?;
        // `from_str_radix` accepts a sign.
        let digits = hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(hex, 16).ok().filter(|_| digits)?);
        if let Ok(decoded) = str::from_utf8(&bytes) {
            return decoded.chars().next();
        }
    }
    None
}

fn without_dots(path: &str) -> String {
    if !path.split('/').any(|part| part == "." || part == "..") {
        return path.to_owned();
    }
    let mut kept = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
        if (part == "." || part == "..") && parts.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// Encodes a path. If escapes are kept, the `%` of one is not encoded.
pub(super) fn encode(path: &str, keep_escapes: bool) -> String {
    let mut encoded = String::new();
    for (place, letter) in path.char_indices() {
        let is_escape = || {
            let digits = path.as_bytes().get(place + 1..place + 3);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        if letter.is_ascii_alphanumeric()
            || "/-._~!$&'()*+,;=:@".contains(letter)
            || letter == '%' && keep_escapes && is_escape()
        {
            encoded.push(letter);
        } else {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_arrives_as_under_the_real_host() {
        for (raw, proxied, forwarded) in [
            ("/api/a%2Fb", "/api/a%252Fb", "/api/a%2Fb"),
            ("/api/a%2fb", "/api/a%252fb", "/api/a%2fb"),
            ("/api/%FF", "/api/%25FF", "/api/%FF"),
            ("/api/a\\b", "/api/a%5Cb", "/api/a%5Cb"),
            ("/api/v1/imports/1:retry.x", "/api/v1/imports/1:retry.x", "/api/v1/imports/1:retry.x"),
            ("/api/%41%20%C3%A9", "/api/A%20%C3%A9", "/api/A%20%C3%A9"),
            ("/api/100%", "/api/100%25", "/api/100%25"),
            ("/api/%+1", "/api/%25+1", "/api/%25+1"),
            ("/api/%E4%BD", "/api/%25E4%25BD", "/api/%E4%BD"),
            ("/api/a/../b/./c/..", "/api/b/", "/api/b/"),
            ("/api//b", "/api//b", "/api//b"),
        ] {
            let path = decode(raw).unwrap();
            assert_eq!(encode(&path, false), proxied, "{raw}");
            assert_eq!(encode(&path, true), forwarded, "{raw}");
        }
        assert_eq!(decode("/api/%00"), None);
    }
}
