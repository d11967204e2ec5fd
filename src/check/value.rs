//! The valid form of a cell value for each type, and signs of doubtful values.
//!
//! A value is the bytes between the delimiters, unquoted. Nothing here trims or corrects a value, or knows
//! its column. The caller decides whether a value may be blank: a blank value is invalid for every type.

use memchr::{memchr, memchr_iter, memchr2};

/// Whether a value is valid. The error is the text of the finding: what is wrong and what to do.
pub(super) type Verdict = Result<(), &'static str>;

/// The most bytes a value may have (F11).
const LONGEST: usize = 128 * 1024;

/// Kinds of personal data that a file rarely needs, and the column names that indicate them (Q04).
///
/// A name matches whole words only, and can span several words: `homeaddress` finds
/// `HomeAddress`, `home_address_1` and `HOMEADDRESS`.
const PERSONAL: [(&str, &[&str]); 14] = [
    (
        "a national identity number",
        &[
            "ssn",
            "socialsecurity",
            "nationalid",
            "nationalidentifier",
            "nationalinsurance",
            "identitycard",
            "taxid",
            "passport",
        ],
    ),
    (
        "a date of birth",
        &["dob", "birth", "birthdate", "birthday", "birthyear", "dateofbirth", "yearofbirth"],
    ),
    ("an age", &["age"]),
    (
        "a private address",
        &["homeaddress", "privateaddress", "personaladdress", "residentialaddress"],
    ),
    (
        "a private phone number",
        &["homephone", "hometelephone", "privatephone", "personalphone", "personalmobile"],
    ),
    ("pay", &["bonus", "bonuses", "salary", "salaries", "compensation", "wage", "wages"]),
    ("bank details", &["bank", "bankaccount", "iban"]),
    ("a gender", &["gender", "sex"]),
    ("a race or ethnic origin", &["race", "racial", "ethnic", "ethnicity"]),
    ("a religion", &["religion", "religious"]),
    ("a trade union membership", &["union", "tradeunion", "unionmember", "unionmembership"]),
    ("a disability or state of health", &["disability", "disabilities", "health", "medical"]),
    ("a marital status", &["marital", "maritalstatus", "married"]),
    (
        "a sexual orientation or political opinion",
        &["sexual", "sexualorientation", "political", "politicalparty"],
    ),
];

/// An email address of the form `employee@contoso.com` (V01), with letters of any script.
///
/// An address with a lost character is valid: see [`is_damaged_email`].
pub(super) fn email(text: &[u8]) -> Verdict {
    if is_email(text) {
        return Ok(());
    }
    let addresses = memchr_iter(b'@', text).count();
    Err(if addresses == 0 {
        "The email address has no @. Export the full address, like employee@contoso.com."
    } else if addresses == 1 && memchr2(b'<', b'>', text).is_some() {
        "The cell contains a name and an email address. Export the address alone, without < and >."
    } else if addresses > 1 || memchr2(b',', b';', text).is_some() {
        "The cell must contain one email address, without commas and semicolons. Export only one."
    } else if chars(text).any(is_hidden) {
        "The email address contains a space or an invisible character. Remove it."
    } else if !domain(text).contains(&b'.') {
        "The email address has no dot after the @. Export the full domain, like contoso.com."
    } else {
        "The value is not an email address of the form employee@contoso.com. Correct it in the source \
         system."
    })
}

/// Whether a valid email address has the sign of a lost character: `?` or U+FFFD (Q09).
pub(super) fn is_damaged_email(text: &[u8]) -> bool {
    memchr(b'?', text).is_some() || (!text.is_ascii() && has_lost_character(text))
}

/// Whether a text contains U+FFFD, which programs write for a character that they could not read.
pub(super) fn has_lost_character(text: &[u8]) -> bool {
    let lost = "\u{FFFD}".as_bytes();
    memchr_iter(lost[0], text).any(|at| text[at..].starts_with(lost))
}

/// A double of the form `23.75` (V05): sign, digits, decimal point and exponent, nothing else.
pub(super) fn double(text: &[u8]) -> Verdict {
    if is_plain(text) {
        return Ok(());
    }
    finite(text).map(|_| ()).ok_or_else(|| no_number(text))
}

/// A whole number of 32 bits (V06).
pub(super) fn integer(text: &[u8]) -> Verdict {
    if str::from_utf8(text).is_ok_and(|text| text.parse::<i32>().is_ok()) {
        return Ok(());
    }
    Err(if text.iter().all(u8::is_ascii_alphabetic) {
        "The value is not a number. Write it in digits, like 8."
    } else if finite(text).is_none() {
        no_number(text)
    } else if text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        "The integer has a decimal point or an exponent. Export a whole number. A custom field can also \
         be mapped as double."
    } else {
        "The integer is outside -2147483648 to 2147483647. Correct it. A custom field can also be mapped \
         as double or StringType."
    })
}

/// TRUE or FALSE in any case (V09).
pub(super) fn boolean(text: &[u8]) -> Verdict {
    if text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"false") {
        return Ok(());
    }
    Err("A Boolean is TRUE or FALSE, without spaces around it. Export TRUE or FALSE, not yes or 1.")
}

/// Days on site per week, a double from 0 to 7 (V10).
pub(super) fn onsite_days(text: &[u8]) -> Verdict {
    match finite(text) {
        Some(days) if (0.0..=7.0).contains(&days) => Ok(()),
        Some(_) => Err(
            "Days on site per week must be from 0 to 7. Correct the value in the source system.",
        ),
        None => Err(no_number(text)),
    }
}

/// One of Microsoft's three supervisor indicators, in exactly this spelling (V11).
pub(super) fn supervisor_indicator(text: &[u8]) -> Verdict {
    match text {
        b"IC" | b"Mngr" | b"Mngr+" => Ok(()),
        _ => Err(
            "The supervisor indicator must be IC, Mngr or Mngr+, in exactly this spelling. Export \
                  one of the three.",
        ),
    }
}

/// Whether a value is certainly not blank, not too long and not a placeholder. For most values, the first
/// byte is enough to know.
#[inline]
pub(super) fn is_ordinary(text: &[u8]) -> bool {
    const ORDINARY: [bool; 256] = {
        let mut ordinary = [true; 256];
        // Whitespace, also outside ASCII, and the first bytes of placeholders.
        let others = b" \t\n\x0C\r\xC2\xE1\xE2\xE3#-.?nNtTuU";
        let mut index = 0;
        while index < others.len() {
            ordinary[others[index] as usize] = false;
            index += 1;
        }
        ordinary
    };
    text.len() <= LONGEST && text.first().is_some_and(|first| ORDINARY[usize::from(*first)])
}

/// At most 128 KB (F11).
pub(super) fn length(text: &[u8]) -> Verdict {
    if text.len() <= LONGEST {
        return Ok(());
    }
    Err(
        "The value is longer than 128 KB. Shorten it, or look for a quotation mark that is never closed.",
    )
}

/// No line break inside (F10).
pub(super) fn single_line(text: &[u8]) -> Verdict {
    match memchr2(b'\n', b'\r', text) {
        None => Ok(()),
        Some(_) => Err("The value contains a line break. Replace it with a space."),
    }
}

/// Whether a value is empty or only whitespace.
pub(super) fn is_blank(text: &[u8]) -> bool {
    // For nearly every value, the first byte is enough. Whitespace outside ASCII begins with one of four
    // bytes.
    match text {
        [] => true,
        [0xC2 | 0xE1..=0xE3, ..] => str::from_utf8(text).is_ok_and(|text| text.trim().is_empty()),
        [first, ..] => first.is_ascii_whitespace() && is_blank(text.trim_ascii_start()),
    }
}

/// Whether a value is a placeholder for a missing one, like `#N/A` or `tbd` (Q02), in any case.
pub(super) fn is_placeholder(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    // NA is not in the list: it is the code of Namibia and short for North America.
    let placeholders: &[&str] = match text.len() {
        1 => &["-", "?"],
        2 => &["--"],
        3 => &["n/a", "nil", "tbd", "tba", "..."],
        4 => &["#n/a", "null", "none"],
        5 => &["#ref!", "#num!"],
        6 => &["#name?", "#null!"],
        7 => &["#value!", "#div/0!", "unknown"],
        _ => &[],
    };
    placeholders.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether a value is digits, with or without separators between them: a code, not a label (Q05).
pub(super) fn is_code(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b' ' | b'-' | b'.' | b'/' | b'_' | b':'))
        && text.iter().any(u8::is_ascii_digit)
}

/// The kind of personal data that the name of a column indicates, like `a date of birth` (Q04).
///
/// A capital letter, a digit, a space or a punctuation mark ends a word: `Age_Group` is found, `Manager` is
/// not.
pub(crate) fn personal(header: &str) -> Option<&'static str> {
    let chars: Vec<char> = header.chars().collect();
    let mut letters = String::new();
    let mut edges = vec![0];
    for (at, &char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let small_after = chars.get(at + 1).is_some_and(|after| after.is_lowercase());
        let begins = char.is_uppercase() && (small_after || before.is_some_and(char::is_lowercase));
        if begins || !char.is_alphabetic() {
            edges.push(letters.len());
        }
        letters.extend(char.to_lowercase().filter(|char| char.is_alphabetic()));
    }
    edges.push(letters.len());
    let is_whole = |at, len| edges.contains(&at) && edges.contains(&(at + len));
    let found = |name: &&str| letters.match_indices(*name).any(|(at, _)| is_whole(at, name.len()));
    PERSONAL.iter().find_map(|(kind, names)| names.iter().any(found).then_some(*kind))
}

fn is_email(text: &[u8]) -> bool {
    let Some(at) = memchr(b'@', text) else { return false };
    let (local, domain) = (&text[..at], domain(text));
    local.split(|byte| *byte == b'.').all(is_atom)
        && domain.contains(&b'.')
        && domain.split(|byte| *byte == b'.').all(is_label)
        && (text.is_ascii() || (!chars(local).any(is_hidden) && chars(domain).all(is_of_domain)))
}

/// The part after the first `@`.
fn domain(text: &[u8]) -> &[u8] {
    memchr(b'@', text).map_or(&[], |at| &text[at + 1..])
}

/// An atom as in RFC 5322, in which any character outside ASCII is allowed.
fn is_atom(atom: &[u8]) -> bool {
    let is_forbidden = |byte: &u8| {
        matches!(byte, 0..=b' ' | 0x7F | b'"' | b'(' | b')' | b',' | b':'..=b'<' | b'>')
            || matches!(byte, b'['..=b']')
    };
    !atom.is_empty() && !atom.iter().any(is_forbidden)
}

fn is_label(label: &[u8]) -> bool {
    let is_ok = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'?' | 0x80..);
    !label.is_empty()
        && !label.starts_with(b"-")
        && !label.ends_with(b"-")
        && label.iter().all(is_ok)
}

fn is_of_domain(char: char) -> bool {
    char.is_ascii() || char.is_alphanumeric() || char == char::REPLACEMENT_CHARACTER
}

/// The characters of a text; bytes that are not UTF-8 (F04) are skipped.
fn chars(text: &[u8]) -> impl Iterator<Item = char> {
    text.utf8_chunks().flat_map(|chunk| chunk.valid().chars())
}

/// Whitespace, control characters, and invisible characters that are often copied from web pages.
fn is_hidden(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// Whether a text is a few digits with at most one decimal point, and so a number that needs no parsing.
fn is_plain(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let rest = text.len() - digits;
    (1..16).contains(&digits) && (rest == 0 || rest == 1 && text.contains(&b'.'))
}

/// The value of a double; `None` for `inf`, `nan`, and numbers that overflow to them.
fn finite(text: &[u8]) -> Option<f64> {
    str::from_utf8(text).ok()?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The text of the finding for a text that is not a number.
fn no_number(text: &[u8]) -> &'static str {
    if chars(text).any(|char| matches!(char, '$' | '¢'..='¥' | '\u{20A0}'..='\u{20CF}')) {
        "A number must not have a currency sign. Export the number alone, like 23.75."
    } else if text.contains(&b'%') {
        "A number must not have a percent sign. Export the number alone, like 23.75."
    } else if text.contains(&b',') {
        "A number must not have commas. Export it with a decimal point and without thousands separators, \
         like 1200.50."
    } else if chars(text).any(is_hidden) {
        "The number contains a space or an invisible character. Remove it."
    } else {
        "The value is not a number. Write it in digits, with a decimal point, like 23.75."
    }
}

#[cfg(test)]
mod tests;
