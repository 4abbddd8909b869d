//! What the tests share.

#![allow(clippy::print_stdout, reason = "counts are printed for whoever reads the run")]

pub mod explorer;
pub mod samples;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The `azlatch` command, built if need be, in the profile that the tests were built in.
#[must_use]
pub fn command() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root()).args(["build", "--quiet", "--package", "azlatch-cli", "--message-format=json"]);
        // What `cargo test` says of the test's own package would make build scripts run again.
        std::env::vars_os()
            .filter(|(name, _)| {
                name.to_str().is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_"))
            })
            .for_each(|(name, _)| {
                cargo.env_remove(name);
            });
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let output = cargo.output().expect("cargo runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let built = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let executable = built.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
        executable.unwrap_or_else(|| panic!("azlatch was not built: {}", String::from_utf8_lossy(&output.stderr)))
    })
}
