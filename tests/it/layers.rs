//! The layers of the program: a module uses those of lower layers and, in its own layer, those to its right.
//! The table is in src/lib.rs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Every source file except tests: its path below `src`, and its code.
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

/// The modules of the table in src/lib.rs, the lowest layer first; within a layer in the order of the table.
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

/// The modules that a file uses with `crate::`.
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
fn a_module_uses_only_lower_layers_and_those_to_its_right() {
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
fn only_the_engine_with_a_claim_and_the_push_command_submit_a_push() {
    let callers = sources(Path::new("src")).into_iter().filter_map(|(file, code)| {
        let count = code.matches(".submit(").count();
        (count > 0).then_some((file, count))
    });
    let mut callers: Vec<_> = callers.collect();
    callers.sort();
    // The target passes it on to its service.
    let expected = ["commands/push.rs", "engine/push.rs", "target.rs"];
    assert_eq!(callers, expected.map(|file| (file.to_owned(), 1)));
}

/// The paths that a file names with `use`, with the name of each that the file re-exports.
fn named(code: &str) -> Vec<(Vec<String>, Option<String>)> {
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = vec![];
    for statement in code.split_inclusive(';') {
        let Some(at) = statement.rfind("use ").filter(|at| {
            let before = statement[..*at].lines().last().unwrap_or_default().trim();
            before.is_empty() || before.starts_with("pub")
        }) else {
            continue;
        };
        let is_given_on = statement[..at].lines().last().is_some_and(|line| line.contains("pub"));
        let tree = statement[at + 4..].trim_end_matches(';');
        let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        for leaf in leaves(&tree) {
            let (path, alias) = leaf.split_once(" as ").unwrap_or((&leaf, ""));
            let mut path: Vec<String> = path.split("::").map(str::to_owned).collect();
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let name = if alias.is_empty() { path.last().unwrap().clone() } else { alias.into() };
            found.push((path, is_given_on.then_some(name)));
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let is_path = |letter: char| letter.is_alphanumeric() || "_:".contains(letter);
            let path: String = code[at..].chars().take_while(|letter| is_path(*letter)).collect();
            // Neither the beginning of a tree nor a visibility.
            if !path.ends_with("::") && !code[..at].ends_with("in ") {
                found.push((path.split("::").map(str::to_owned).collect(), None));
            }
        }
    }
    found
}

/// The paths of a tree like `a::{b, c::{self, d}}`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim().trim_end_matches(',');
    let Some((prefix, group)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let Some((group, _)) = group.rsplit_once('}') else { return vec![] };
    let (mut depth, mut parts, mut part) = (0, vec![], String::new());
    for letter in group.chars().chain([',']) {
        match letter {
            ',' if depth == 0 => parts.push(std::mem::take(&mut part)),
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if letter != ',' || depth > 0 {
            part.push(letter);
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| leaves(part)).map(|leaf| format!("{prefix}{leaf}")).collect()
}

// With `use`, `crate::` or `super::`: a path through a declared child is not seen.
#[test]
fn no_file_uses_one_that_uses_it() {
    let module = |file: &str| -> Vec<String> {
        file.trim_end_matches(".rs").split('/').map(str::to_owned).collect()
    };
    let files: BTreeMap<Vec<String>, _> = sources(Path::new("src"))
        .into_iter()
        .filter(|(file, _)| file != "lib.rs" && file != "main.rs")
        .map(|(file, code)| (module(&file), named(&code)))
        .collect();
    let canonical = |from: &[String], path: &[String]| -> Option<Vec<String>> {
        let mut base = match path[0].as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" | "super" => from.to_vec(),
            _ => {
                return files
                    .contains_key(&[from, &path[..1]].concat())
                    .then(|| [from, path].concat());
            }
        };
        let ups = path.iter().take_while(|part| *part == "super").count();
        base.truncate(base.len() - ups);
        base.extend(path[ups.max(1)..].iter().cloned());
        Some(base)
    };
    // The file that defines a path, through any number of re-exports.
    let resolved = |path: Vec<String>| -> Option<Vec<String>> {
        let mut path = path;
        for _ in 0..8 {
            let length = (1..=path.len()).rev().find(|it| files.contains_key(&path[..*it]))?;
            let (file, rest) = (path[..length].to_vec(), &path[length..]);
            let given_on = files[&file]
                .iter()
                .find(|(_, name)| name.is_some() && *name == rest.first().cloned());
            match given_on {
                Some((from, _)) => {
                    let from = canonical(&file, from)?;
                    path = [&from[..], &rest[1..]].concat();
                }
                None => return Some(file),
            }
        }
        None
    };
    let names: Vec<&Vec<String>> = files.keys().collect();
    let place = |file: &[String]| names.iter().position(|name| *name == file).unwrap();
    let mut reaches = vec![vec![false; names.len()]; names.len()];
    for (file, named) in &files {
        for (path, given_on) in named {
            let used = canonical(file, path).filter(|_| given_on.is_none()).and_then(&resolved);
            if let Some(used) = used.filter(|used| used != file) {
                reaches[place(file)][place(&used)] = true;
            }
        }
    }
    for through in 0..names.len() {
        for from in 0..names.len() {
            if reaches[from][through] {
                let further = reaches[through].clone();
                reaches[from].iter_mut().zip(further).for_each(|(it, more)| *it |= more);
            }
        }
    }
    let circles: Vec<String> = (0..names.len())
        .filter(|file| reaches[*file][*file])
        .map(|file| names[file].join("/"))
        .collect();
    assert_eq!(circles, Vec::<String>::new());
    let used = reaches[place(&["engine".to_owned()])].iter().filter(|it| **it).count();
    assert!(used > 40, "the engine uses {used} files");
}
