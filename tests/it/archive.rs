//! The licenses of the archives that `.github/archive.sh` packs.

use std::fs;

/// The texts in the list `name` of a TOML file.
fn list(path: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let list = text.split_once(&format!("\n{name} = [")).unwrap().1.split_once(']').unwrap().0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// cargo-about runs only in the workflow, because it takes minutes to install.
#[test]
fn cargo_deny_and_cargo_about_accept_the_same_licenses() {
    let accepted = list("deny.toml", "allow");
    assert!(accepted.contains(&"MIT".to_owned()), "{accepted:?}");
    assert_eq!(accepted, list(".github/about.toml", "accepted"));
}
