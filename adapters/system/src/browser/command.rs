//! Programs and their arguments, and where the programs are.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::GRACE;
use crate::Environment;

/// A program that may open an address. No shell has a part in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// A bare name, or an absolute path.
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    /// How long it is watched.
    pub(super) patience: Duration,
    /// Whether it has failed when it still runs after that.
    pub(super) must_end: bool,
}

impl Command {
    pub(super) fn new<const N: usize>(program: &str, arguments: [&str; N]) -> Self {
        let arguments = arguments.map(str::to_owned).to_vec();
        Self { program: program.to_owned(), arguments, patience: GRACE, must_end: false }
    }

    /// Where the program is: at its path, or in the absolute folders of `PATH`. What depends on where this program
    /// happens to stand is not looked at.
    pub(super) fn locate(&self, environment: &Environment) -> Option<PathBuf> {
        let program = Path::new(&self.program);
        if program.is_absolute() {
            return Some(program.to_owned()).filter(|path| is_executable(path));
        }
        if program.components().count() != 1 || self.program.contains(['/', '\\']) {
            return None;
        }
        let folders = env::split_paths(environment.get("PATH")?).filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(program)).find_map(|path| {
            let named = if cfg!(windows) && path.extension().is_none() { path.with_extension("exe") } else { path };
            Some(named).filter(|path| is_executable(path))
        })
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    // What is run must be a program: `cmd` would be given a batch file, and reads addresses its own way.
    path.is_file() && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("exe"))
}

/// The commands of `$BROWSER`: separated by colons (on Windows, where paths hold colons, by semicolons), in words
/// separated by spaces; `%s` stands for the address, which otherwise comes last.
pub(super) fn of_browser_variable(list: &str, url: &str) -> Vec<Command> {
    list.split(if cfg!(windows) { ';' } else { ':' })
        .filter_map(|command| {
            let mut words = command.split_whitespace();
            let program = words.next()?;
            let mut arguments: Vec<_> = words.map(str::to_owned).collect();
            // Some programs take this as the wish not to be waited for, so some people have it; we never wait.
            if arguments.last().is_some_and(|last| last == "&") {
                arguments.pop();
            }
            if arguments.iter().any(|word| word.contains("%s")) {
                arguments.iter_mut().for_each(|word| *word = word.replace("%s", url));
            } else {
                arguments.push(url.to_owned());
            }
            Some(Command { arguments, ..Command::new(program, []) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_variable_is_a_list_of_commands_without_a_shell() {
        let separator = if cfg!(windows) { ";" } else { ":" };
        for (list, expected) in [
            ("firefox", vec![vec!["firefox", "U"]]),
            ("a -n --app=%s|b  %s\t-x|c &||  ", vec![vec!["a", "-n", "--app=U"], vec!["b", "U", "-x"], vec!["c", "U"]]),
            ("sh -c 'x'", vec![vec!["sh", "-c", "'x'", "U"]]),
            ("%s", vec![vec!["%s", "U"]]),
            ("||", vec![]),
        ] {
            let commands = of_browser_variable(&list.replace('|', separator), "U");
            let words = commands.iter().map(|command| {
                let arguments = command.arguments.iter().map(String::as_str);
                std::iter::once(command.program.as_str()).chain(arguments).collect::<Vec<_>>()
            });
            assert_eq!(words.collect::<Vec<_>>(), expected, "{list}");
        }
    }
}
