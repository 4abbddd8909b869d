//! The house rules that a compiler does not check.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use azlatch_tests::root;

/// Files of the repository below `folder` with this ending, build output left out.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            match path.is_dir() {
                true if matches!(name.as_str(), "target" | ".git" | "node_modules" | "__pycache__") => {}
                true => folders.push(path),
                false if name.ends_with(ending) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The text without comments: what the compiler sees.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_core_reads_nothing_of_the_world() {
    let forbidden = [
        "std::",
        "extern crate std",
        "SystemTime",
        "Instant",
        "env::",
        "fs::",
        "net::",
        "thread",
        "rand",
        "async ",
        "unsafe",
    ];
    // The contract itself names no runtime, but its async half is async.
    let allowed = |path: &Path, word: &str| path.ends_with("flow.rs") && word == "async ";
    for path in files("core/src", ".rs") {
        let text = code(&read(&path)).replace("#![forbid(unsafe_code)]", "").replace("operand", "");
        for word in forbidden.iter().filter(|word| !allowed(&path, word)) {
            assert!(!text.contains(word), "{} names `{word}`", path.display());
        }
    }
}

#[test]
fn one_file_names_the_runtime() {
    let naming = files("adapters/async-std", ".rs").into_iter().filter(|path| {
        let text = code(&read(path)).replace("azlatch_async_std", "");
        ["async_std", "async_io", "futures_lite"].iter().any(|name| text.contains(name))
    });
    assert_eq!(naming.collect::<Vec<_>>(), [root().join("adapters/async-std/src/runtime.rs")]);
}

#[test]
fn no_unwrap_expect_panic_in_core() {
    for path in files("core/src", ".rs") {
        for word in [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("] {
            assert!(!code(&read(&path)).contains(word), "{} says {word}", path.display());
        }
    }
}

/// The packages that `manifest` depends on, and their features by text.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies") && !line.contains("dev-dependencies");
        } else if let Some(name) =
            line.split(['.', ' ', '=']).next().filter(|name| inside && !name.is_empty() && !name.starts_with('#'))
        {
            found.insert(name.to_owned());
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let ours = |folder: &str| -> BTreeSet<String> {
        let all = dependencies(&read(&root().join(folder).join("Cargo.toml")));
        all.into_iter().filter(|name| name.starts_with("azlatch")).collect()
    };
    assert!(ours("core").is_empty(), "the core depends on no adapter");
    for driver in ["ureq", "async-std", "memory", "files", "keychain", "system"] {
        let expected = BTreeSet::from(["azlatch-core".to_owned()]);
        assert_eq!(ours(&format!("adapters/{driver}")), expected, "a driver depends on the core alone");
    }
    assert!(ours("adapters/emulator").is_empty(), "the emulator is a judge: it shares no code with what it judges");
    assert!(
        !ours("adapters/azlatch").contains("azlatch-cli") && !ours("adapters/azlatch").contains("azlatch-emulator")
    );
}

#[test]
fn every_dependency_says_why_it_is_there() {
    for path in files("", "Cargo.toml") {
        if path.starts_with(root().join("fuzz")) || path == root().join("Cargo.toml") {
            continue;
        }
        let text = read(&path);
        let mut before = "";
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line.contains("dependencies");
            } else if inside
                && !line.is_empty()
                && !line.starts_with('#')
                && !line.starts_with("azlatch")
                && !line.starts_with("tempfile")
            {
                assert!(before.starts_with('#'), "{}: `{line}` does not say why", path.display());
            }
            before = line;
        }
    }
}

#[test]
fn files_are_read_in_one_sitting() {
    let mut long = Vec::new();
    for path in ["core", "adapters", "tests"].into_iter().flat_map(|folder| files(folder, ".rs")) {
        let lines = read(&path).lines().count();
        if lines > 500 {
            long.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    for path in ["core", "adapters", "tests", "fuzz"].into_iter().flat_map(|folder| files(folder, ".rs")) {
        let text = read(&path);
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        assert!(first.starts_with("//!"), "{} has no module documentation", path.display());
    }
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let text = read(&root().join("core/src/lib.rs"));
    let rows = text
        .lines()
        .skip_while(|line| !line.contains("# The invariants"))
        .filter(|line| line.starts_with("//! | ") && line.contains("::"));
    let mut checked = 0;
    for row in rows {
        let name = row.rsplit('`').nth(1).expect("a test in backquotes");
        let (module, test) = name.rsplit_once("::").expect("module::test");
        let files: Vec<_> = match module.split_once("::") {
            Some((folder, file)) => vec![root().join("tests").join(folder).join(format!("{file}.rs"))],
            None => [format!("{module}.rs"), format!("{module}/main.rs"), format!("world/tests/{module}.rs")]
                .map(|file| root().join("tests").join(file))
                .into(),
        };
        let found = files.iter().any(|file| file.is_file() && read(file).contains(&format!("fn {test}(")));
        assert!(found, "no test {name}");
        checked += 1;
    }
    assert!(checked >= 12, "the table of invariants is gone");
}

#[test]
fn the_repository_speaks_of_itself_alone() {
    // Put together here, so that this file does not name them either.
    let foreign = [["/wo", "rk/"], ["/fa", "rm/"], ["../sh", "ared"], ["DESIGN", ".md"], ["/ro", "ot/"]]
        .map(|parts| parts.concat());
    for ending in [".rs", ".md", ".toml", ".txt", ".py", ".sh", ".yml", "run"] {
        for path in files("", ending) {
            let text = read(&path);
            for word in &foreign {
                assert!(!text.contains(word.as_str()), "{} mentions {word}", path.display());
            }
        }
    }
}

#[test]
fn every_published_crate_has_its_papers() {
    for folder in [
        "core",
        "adapters/ureq",
        "adapters/async-std",
        "adapters/azure-core",
        "adapters/memory",
        "adapters/files",
        "adapters/keychain",
        "adapters/system",
        "adapters/azlatch",
        "adapters/cli",
        "adapters/emulator",
    ] {
        let folder = root().join(folder);
        for paper in ["CHANGELOG.md", "README.md"] {
            assert!(folder.join(paper).is_file(), "{} has no {paper}", folder.display());
        }
        let manifest = read(&folder.join("Cargo.toml"));
        for field in ["description", "license.workspace", "repository.workspace", "rust-version.workspace", "[lints]"] {
            assert!(manifest.contains(field), "{} has no {field}", folder.display());
        }
    }
    for paper in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", ".github/CONTRIBUTING.md", "SECURITY.md", "Cargo.lock"]
    {
        assert!(root().join(paper).is_file(), "no {paper}");
    }
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= 110, "the README is {lines} lines: more than a screen or two");
}

#[test]
fn no_std_anywhere_below_the_core() {
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["check", "--quiet", "--manifest-path", "tests/no_std/Cargo.toml", "--target-dir", "target/no_std"]);
    let output = cargo.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
