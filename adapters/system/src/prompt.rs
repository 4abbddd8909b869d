//! Showing the user where to go and what to type.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use azlatch_core::effect::{Prompt, Skipped};
use azlatch_core::wire::text::printable;

/// The most that is shown of an address or a code, in bytes.
const SHOWN: usize = 2000;

/// What shows prompts: a callback, or standard error.
#[derive(Clone, Default)]
pub(crate) struct Screen(Option<Arc<Callback>>);

type Callback = dyn Fn(&Prompt) + Send + Sync;

impl Screen {
    pub(crate) fn new(show: impl Fn(&Prompt) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(show)))
    }

    pub(crate) fn show(&self, prompt: &Prompt) -> Result<(), Skipped> {
        match &self.0 {
            Some(show) => {
                show(prompt);
                Ok(())
            }
            None => write(&mut io::stderr().lock(), prompt),
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "callback" } else { "stderr" })
    }
}

fn write(out: &mut impl Write, prompt: &Prompt) -> Result<(), Skipped> {
    // Written at once, so that other threads' lines do not stand in between.
    out.write_all(block(prompt).as_bytes()).and_then(|()| out.flush()).map_err(|_| Skipped)
}

/// The message, and below it what it does not say. Never what resumes the sign-in.
fn block(prompt: &Prompt) -> String {
    let mut block = format!("{}\n", prompt.message.trim_end());
    for (name, value) in [("address", &prompt.verification_uri), ("code", &prompt.user_code)] {
        if !prompt.message.contains(value.as_str()) {
            block.push_str(&format!("  {name}: {}\n", printable(value, SHOWN)));
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use azlatch_core::Unix;

    fn prompt(message: &str) -> Prompt {
        Prompt {
            user_code: "ABC-123".to_owned(),
            verification_uri: "https://microsoft.com/devicelogin".to_owned(),
            verification_uri_complete: None,
            message: message.to_owned(),
            expires_on: Unix(0),
            pending: "hidden".into(),
        }
    }

    #[test]
    fn what_the_message_does_not_say_is_added() {
        let whole = "Open https://microsoft.com/devicelogin and type ABC-123.";
        for (message, expected) in [
            (whole, format!("{whole}\n")),
            (
                "Sign in with ABC-123.",
                "Sign in with ABC-123.\n  address: https://microsoft.com/devicelogin\n".to_owned(),
            ),
            ("Hello.\n", "Hello.\n  address: https://microsoft.com/devicelogin\n  code: ABC-123\n".to_owned()),
        ] {
            assert_eq!(block(&prompt(message)), expected);
        }
    }

    #[test]
    fn m_06_a_code_cannot_drive_the_terminal() {
        let hostile = Prompt { user_code: "\u{1b}[2J\u{202e}".to_owned(), ..prompt("Hello.") };
        assert!(block(&hostile).ends_with("  code: \\u{1b}[2J\\u{202e}\n"));
    }

    #[test]
    fn nobody_to_see_it_is_an_answer() {
        let mut no_room: &mut [u8] = &mut [];
        assert_eq!(write(&mut no_room, &prompt("Hello.")), Err(Skipped));
        assert_eq!(write(&mut Vec::new(), &prompt("Hello.")), Ok(()));
    }
}
