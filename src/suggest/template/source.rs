//! Microsoft's template of metadata.json, alone or in its zip.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use serde_json::{Map, Value};
use zip::ZipArchive;

use crate::{
    connection::MAX_BYTES,
    outcome::CommandError,
    schema::{document, is_file_name},
};

/// A template as it was given.
#[derive(Debug)]
pub(super) struct Template {
    /// What its metadata.json says.
    pub(super) members: Map<String, Value>,
    /// The name of the data in the zip, where it came in one that has such a file.
    pub(super) data_file: Option<String>,
    /// The name of the metadata in the zip, where it came in one.
    pub(super) metadata_file: Option<String>,
}

/// Reads the template at `path`; what begins like a zip is one.
pub(super) fn open(path: &Path) -> Result<Template, CommandError> {
    let fail = |error: io::Error| CommandError::cannot_read(path, &error);
    let mut file = File::open(path).map_err(fail)?;
    let mut start = vec![];
    file.by_ref().take(2).read_to_end(&mut start).map_err(fail)?;
    file.rewind().map_err(fail)?;
    if start == *b"PK" {
        return zip(file).map_err(CommandError::Refused);
    }
    let members = members(file).map_err(fail)?.map_err(CommandError::Refused)?;
    Ok(Template { members, data_file: None, metadata_file: None })
}

fn zip(file: File) -> Result<Template, String> {
    let broken = |_| "the zip cannot be read; download the template again".to_owned();
    let mut archive = ZipArchive::new(file).map_err(broken)?;
    let mut names = vec![];
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(broken)?;
        names.push(entry.name().unwrap_or_default().into_owned());
    }
    let plain = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let of_kind = |ending| {
        let is_wanted =
            |name: &&String| !name.starts_with("__MACOSX") && is_file_name(&plain(name), ending);
        names.iter().filter(is_wanted).collect::<Vec<_>>()
    };
    let jsons = of_kind("json");
    let is_metadata = |name: &&String| plain(name).eq_ignore_ascii_case("metadata.json");
    let metadata = match jsons[..] {
        [_] => jsons,
        _ => jsons.into_iter().filter(is_metadata).collect(),
    };
    let data_file = match of_kind("csv")[..] {
        [one] => Some(plain(one)),
        _ => None,
    };
    let mut found: Option<Map<String, Value>> = None;
    for name in &metadata {
        let entry = archive.by_name(name).map_err(broken)?;
        let members = members(entry).map_err(|error| broken(error.into()))??;
        if found.as_ref().is_some_and(|first| *first != members) {
            let why = "the zip has several metadata.json that differ; take the right one out of it \
                       and name that one";
            return Err(why.to_owned());
        }
        found = Some(members);
    }
    let members =
        found.ok_or("the zip has no metadata.json, or cannot be told which file it is")?;
    let metadata_file = metadata.first().map(|name| plain(name));
    Ok(Template { members, data_file, metadata_file })
}

/// The members of a metadata.json.
fn members(input: impl Read) -> io::Result<Result<Map<String, Value>, String>> {
    let mut text = vec![];
    input.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(parse(&text))
}

fn parse(text: &[u8]) -> Result<Map<String, Value>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes, so it is no metadata.json"));
    }
    let text = std::str::from_utf8(document::unmarked(text))
        .map_err(|_| "metadata.json is not UTF-8; save it as UTF-8".to_owned())?;
    let (value, repeated) = document::parse(text).map_err(|error| {
        format!(
            "metadata.json is not JSON: it breaks at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    if let Some(pointer) = repeated.first() {
        return Err(format!("{pointer:?} stands twice in metadata.json; take one of them out"));
    }
    if let Value::Object(members) = value {
        return Ok(members);
    }
    Err("metadata.json must be an object".to_owned())
}
