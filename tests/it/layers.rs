//! The layers of the program: a module uses those of lower layers and, in its own, those to its right.
//! The table stands in src/lib.rs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Every source file but tests: its path below `src`, and its code.
pub(crate) fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = path.strip_prefix("src").unwrap().display().to_string();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !name.contains("tests") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.push((name, code.to_owned()));
        }
    }
    found
}

/// The modules of the table in src/lib.rs, the lowest layer first; those of a layer as they stand there.
fn layers() -> Vec<Vec<String>> {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let rows = rows.filter(|row| row.starts_with(|digit: char| digit.is_ascii_digit()));
    let mut rows: Vec<(u32, Vec<String>)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let modules = cells[1].split('`').skip(1).step_by(2).map(str::to_owned);
            (cells[0].parse().unwrap(), modules.collect())
        })
        .collect();
    rows.sort();
    rows.into_iter().map(|(_, modules)| modules).collect()
}

/// The modules that a file uses by `crate::`.
fn used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut name) = (0, String::new());
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => drop(used.insert(std::mem::take(&mut name))),
                    _ if depth == 0 => name.push(letter),
                    _ => {}
                }
            }
            used.insert(name);
        } else {
            used.insert(rest.to_owned());
        }
    }
    let first = |path: String| {
        let name = path.trim().chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_');
        name.collect::<String>()
    };
    used.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

#[test]
fn a_module_uses_lower_layers_and_those_to_its_right_alone() {
    let layers = layers();
    let place: BTreeMap<&str, (usize, usize)> = layers
        .iter()
        .enumerate()
        .flat_map(|(layer, modules)| {
            modules.iter().enumerate().map(move |(at, name)| (name.as_str(), (layer, at)))
        })
        .collect();
    let mut uses = 0;
    let mut broken = vec![];
    for (file, code) in sources(Path::new("src")) {
        let module = file.split(['/', '.']).next().unwrap();
        if module == "lib" {
            continue;
        }
        let (layer, at) = *place.get(module).unwrap_or_else(|| panic!("{module} has no layer"));
        for other in used(&code).iter().filter(|other| *other != module) {
            let Some((low, right)) = place.get(other.as_str()) else {
                panic!("{file} uses {other}, which has no layer");
            };
            uses += 1;
            if *low > layer || (*low == layer && *right < at) {
                broken.push(format!("{file} uses {other}"));
            }
        }
    }
    assert!(uses > 200, "{uses} uses were found");
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn a_push_is_submitted_by_the_engine_with_a_claim_and_by_a_person_alone() {
    // The services themselves pass it on to the one that is asked.
    let others = sources(Path::new("src")).into_iter().filter(|(file, _)| file != "target.rs");
    let callers = others.filter_map(|(file, code)| {
        let count = code.matches(".submit(").count();
        (count > 0).then_some((file, count))
    });
    let mut callers: Vec<_> = callers.collect();
    callers.sort();
    assert_eq!(callers, [("commands/push.rs".to_owned(), 1), ("engine/push.rs".to_owned(), 1)]);
}
