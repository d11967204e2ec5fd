//! What a single cell value must look like, by the type of its field, and what makes it doubtful.
//!
//! Values are judged as the bytes between the separators, quotes undone. Nothing here trims or
//! repairs a value, or knows its column. That a value may be blank is the caller's question: a
//! blank fails every type.

use memchr::{memchr, memchr_iter, memchr2};

/// Whether a value passes; if not, the sentence says what is wrong and what to do about it.
pub(super) type Verdict = Result<(), &'static str>;

/// The most bytes a value may have (F11).
const LONGEST: usize = 128 * 1024;

/// Kinds of personal data a file rarely needs, and the column names that tell (Q04).
///
/// A name is found in whole words only, and also over several of them: `homeaddress` finds
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
/// A lost character does not fail it: see [`is_damaged_email`].
pub(super) fn email(text: &[u8]) -> Verdict {
    if is_email(text) {
        return Ok(());
    }
    let addresses = memchr_iter(b'@', text).count();
    Err(if addresses == 0 {
        "the email address has no @: export a person's full address, like employee@contoso.com"
    } else if addresses == 1 && memchr2(b'<', b'>', text).is_some() {
        "the cell holds a name beside the email address: export the address alone, without < and >"
    } else if addresses > 1 || memchr2(b',', b';', text).is_some() {
        "the cell must hold one email address, without comma or semicolon: export only one"
    } else if chars(text).any(is_hidden) {
        "the email address has a blank or an invisible character in or around it: remove it"
    } else if !domain(text).contains(&b'.') {
        "the email address has no dot after the @: export the full domain, like contoso.com"
    } else {
        "this is not an email address of the form employee@contoso.com: correct it at the source"
    })
}

/// Whether a good email address shows the mark of a lost character: `?` or U+FFFD (Q09).
pub(super) fn is_damaged_email(text: &[u8]) -> bool {
    memchr(b'?', text).is_some() || (!text.is_ascii() && has_lost_character(text))
}

/// Whether a text has U+FFFD in it, what a program writes for a character it could not read.
pub(super) fn has_lost_character(text: &[u8]) -> bool {
    let lost = "\u{FFFD}".as_bytes();
    memchr_iter(lost[0], text).any(|at| text[at..].starts_with(lost))
}

/// A double of the form `23.75` (V05): sign, digits, point and exponent, nothing else.
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
        "this is not a number: write it in digits, like 8"
    } else if finite(text).is_none() {
        no_number(text)
    } else if text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        "an integer has no decimal point or exponent: export it as a whole number, or map the \
         column as a double"
    } else {
        "the integer is outside -2147483648 to 2147483647: correct it, or map the column as a \
         double or a string"
    })
}

/// TRUE or FALSE in any case (V09).
pub(super) fn boolean(text: &[u8]) -> Verdict {
    if text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"false") {
        return Ok(());
    }
    Err("a boolean is TRUE or FALSE, without blanks around it: export it so, not as yes or 1")
}

/// Days a week on site, a double from 0 to 7 (V10).
pub(super) fn onsite_days(text: &[u8]) -> Verdict {
    match finite(text) {
        Some(days) if (0.0..=7.0).contains(&days) => Ok(()),
        Some(_) => Err("days on site per week are from 0 to 7: correct them at the source"),
        None => Err(no_number(text)),
    }
}

/// One of Microsoft's three supervisor indicators, spelled exactly so (V11).
pub(super) fn supervisor_indicator(text: &[u8]) -> Verdict {
    match text {
        b"IC" | b"Mngr" | b"Mngr+" => Ok(()),
        _ => Err("the supervisor indicator is IC, Mngr or Mngr+, spelled exactly so: export one \
                  of the three"),
    }
}

/// Whether a value is surely neither blank nor too long nor a word that stands for none: that most
/// are is told by their first byte.
#[inline]
pub(super) fn is_ordinary(text: &[u8]) -> bool {
    const ORDINARY: [bool; 256] = {
        let mut ordinary = [true; 256];
        // Blanks, those beyond ASCII among them, and what placeholders begin with.
        let others = b" \t\n\x0C\r\xC2\xE1\xE2\xE3#-.?nNtTuU";
        let mut place = 0;
        while place < others.len() {
            ordinary[others[place] as usize] = false;
            place += 1;
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
    Err("the value is longer than 128 KB: look for a quote that was never closed, or shorten it")
}

/// No line break inside (F10).
pub(super) fn single_line(text: &[u8]) -> Verdict {
    match memchr2(b'\n', b'\r', text) {
        None => Ok(()),
        Some(_) => Err("the value has a line break in it: replace it with a blank"),
    }
}

/// Whether a value is empty or made of blanks only.
pub(super) fn is_blank(text: &[u8]) -> bool {
    // Nearly every value says with its first byte that it is none. Blanks beyond ASCII begin with
    // one of four.
    match text {
        [] => true,
        [0xC2 | 0xE1..=0xE3, ..] => str::from_utf8(text).is_ok_and(|text| text.trim().is_empty()),
        [first, ..] => first.is_ascii_whitespace() && is_blank(text.trim_ascii_start()),
    }
}

/// Whether a value stands for a missing one, like `#N/A` or `tbd` (Q02), in any case.
pub(super) fn is_placeholder(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    // NA is left out: it is the code of Namibia and short for North America.
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

/// What kind of needless personal data a column looks like by its name, like `a date of birth`
/// (Q04).
///
/// Words end at a capital, a digit, a blank or a mark: `Age_Group` is found, `Manager` is not.
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

/// What is behind the first `@`.
fn domain(text: &[u8]) -> &[u8] {
    memchr(b'@', text).map_or(&[], |at| &text[at + 1..])
}

/// An atom as in RFC 5322, with anything beyond ASCII.
fn is_atom(atom: &[u8]) -> bool {
    let is_refused = |byte: &u8| {
        matches!(byte, 0..=b' ' | 0x7F | b'"' | b'(' | b')' | b',' | b':'..=b'<' | b'>')
            || matches!(byte, b'['..=b']')
    };
    !atom.is_empty() && !atom.iter().any(is_refused)
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

/// The characters of a text; bytes that are not UTF-8 (F04) are passed over.
fn chars(text: &[u8]) -> impl Iterator<Item = char> {
    text.utf8_chunks().flat_map(|chunk| chunk.valid().chars())
}

/// Blanks, controls, and what a copy from a web page brings along unseen.
fn is_hidden(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// Whether a text is a few digits with at most one point: a number without parsing it.
fn is_plain(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let rest = text.len() - digits;
    (1..16).contains(&digits) && (rest == 0 || rest == 1 && text.contains(&b'.'))
}

/// The value of a double; none for `inf`, `nan` and what overflows to them.
fn finite(text: &[u8]) -> Option<f64> {
    str::from_utf8(text).ok()?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What is wrong with a text that is not a number.
fn no_number(text: &[u8]) -> &'static str {
    if chars(text).any(|char| matches!(char, '$' | '¢'..='¥' | '\u{20A0}'..='\u{20CF}')) {
        "a number has no currency sign: export the bare number, like 23.75"
    } else if text.contains(&b'%') {
        "a number has no percent sign: export the bare number"
    } else if text.contains(&b',') {
        "a number has no commas: use a point for decimals and nothing between thousands"
    } else if chars(text).any(is_hidden) {
        "the number has a blank in or around it: remove it"
    } else {
        "this is not a number: write it in digits, with a point for decimals, like 23.75"
    }
}

#[cfg(test)]
mod tests;
