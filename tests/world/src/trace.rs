//! What happened, line by line. Off while thousands of histories run; a history that fails is played again with it on.

/// The lines of one history, and the first invariant that was broken.
#[derive(Debug, Default)]
pub struct Trace {
    on: bool,
    lines: Vec<String>,
    broken: Option<String>,
}

impl Trace {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, ..Self::default() }
    }

    pub(crate) fn say(&mut self, at: u64, line: impl FnOnce() -> String) {
        if self.on {
            self.lines.push(format!("{:>10}.{:03} {}", at / 1000, at % 1000, line()));
        }
    }

    /// Remembers the first thing that does not hold; the history ends there.
    pub(crate) fn hold(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(what());
        }
    }

    /// What was broken, if anything.
    #[must_use]
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// All lines; none unless they were asked for.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}
