//! The pages of a sign-in: plain HTML that loads nothing and, but for one line of one page, runs nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::context::Context;
use super::http::Answer;
use super::refusal::Refusal;
use super::user::User;

/// What all pages of one sign-in have.
pub(crate) struct Frame<'a> {
    pub(crate) tenant: &'a str,
    /// By which the sign-in is found again.
    pub(crate) id: &'a str,
    /// What was wrong with what was last sent.
    pub(crate) notice: Option<&'a str>,
}

impl Frame<'_> {
    /// A form that belongs to the sign-in.
    fn form(&self, inner: &str) -> String {
        let (tenant, id) = (escape(self.tenant), escape(self.id));
        format!(
            "<form method=\"post\" action=\"/{tenant}/login\"><input type=\"hidden\" name=\"ctx\" value=\"{id}\">{inner}</form>"
        )
    }

    fn notice(&self) -> String {
        notice(self.notice)
    }
}

/// Choose an account, or type a name.
pub(crate) fn account<'a>(
    frame: &Frame<'_>,
    accounts: impl Iterator<Item = &'a User>,
    hint: &str,
    create: bool,
) -> Answer {
    let buttons: String = accounts
        .map(|user| {
            let (name, display) = (escape(&user.name), escape(&user.display_name));
            format!("<button class=\"account\" name=\"account\" value=\"{name}\"><b>{display}</b><span>{name}</span></button>")
        })
        .collect();
    let chosen = if buttons.is_empty() { String::new() } else { frame.form(&buttons) };
    let typed = frame.form(&format!(
        "<label>User name<input name=\"username\" type=\"text\" autocomplete=\"username\" autocapitalize=\"off\" \
         spellcheck=\"false\" placeholder=\"someone@contoso.test\" value=\"{}\"></label>{}",
        escape(hint),
        actions(&[("next", "Next"), ("cancel", "Cancel")])
    ));
    let title = if create { "Create account" } else { "Sign in" };
    let or = if chosen.is_empty() { "" } else { "<p class=\"or\">or use another account</p>" };
    page(200, title, &format!("{}{chosen}{or}{typed}", frame.notice()))
}

/// Prove it; one without a password just goes on.
pub(crate) fn password(frame: &Frame<'_>, name: &str, has_password: bool) -> Answer {
    let name = escape(name);
    let field = "<label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" \
        autofocus></label>";
    let form = frame.form(&format!(
        "<input type=\"hidden\" name=\"username\" value=\"{name}\"><p class=\"who\">{name}</p>{}{}",
        if has_password { field } else { "" },
        actions(&[("next", "Sign in"), ("back", "Back"), ("cancel", "Cancel")])
    ));
    page(200, if has_password { "Enter password" } else { "Sign in" }, &format!("{}{form}", frame.notice()))
}

/// May the client, or the device?
pub(crate) fn confirm(frame: &Frame<'_>, name: &str, client_id: &str, scope: &str, device: bool) -> Answer {
    let scopes: String =
        scope.split_ascii_whitespace().map(|scope| format!("<li><code>{}</code></li>", escape(scope))).collect();
    let warning = if device {
        "<p>You are signing in on another device. Go on only if you started this yourself and the code is from \
         your own device.</p>"
    } else {
        ""
    };
    let form = frame.form(&format!(
        "<p class=\"who\">{}</p>{warning}<p>The application <code>{}</code> asks for:</p><ul>{scopes}</ul>{}",
        escape(name),
        escape(client_id),
        actions(&[("accept", "Accept"), ("cancel", "Cancel")])
    ));
    let title = if device { "Sign in on your device?" } else { "Permissions requested" };
    page(200, title, &format!("{}{form}", frame.notice()))
}

/// Type the code of the device.
pub(crate) fn user_code(code: &str, wrong: Option<&str>) -> Answer {
    let body = format!(
        "{}<form method=\"post\" action=\"/devicelogin\"><label>Code<input name=\"otc\" type=\"text\" \
         autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" autofocus value=\"{}\"></label>{}\
         </form>",
        notice(wrong),
        escape(code),
        actions(&[("next", "Next")])
    );
    page(200, "Enter the code shown on your device", &body)
}

/// Nothing more to do.
pub(crate) fn message(title: &str, text: &str) -> Answer {
    page(200, title, &format!("<p>{}</p>", escape(text)))
}

/// The request is so wrong that nobody but the user can be told.
pub(crate) fn refused(context: &Context, refusal: &Refusal) -> Answer {
    let body = format!(
        "<p class=\"notice\" role=\"alert\">{}</p><p class=\"fine\">Trace ID: {}<br>Correlation ID: {}</p>",
        escape(&refusal.notice()),
        escape(&context.trace),
        escape(&context.correlation)
    );
    page(400, "Sorry, but we are having trouble signing you in", &body)
}

/// A form that sends itself to the client, with a button for browsers that run nothing.
pub(crate) fn form_post(action: &str, pairs: &[(&str, String)]) -> Answer {
    let fields: String = pairs
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value)))
        .collect();
    let body = format!(
        "<form method=\"post\" action=\"{}\">{fields}<noscript><p>One more step to go back to the application.</p>\
         <div class=\"actions\"><button class=\"main\">Continue</button></div></noscript></form>\
         <script>{SUBMIT}</script>",
        escape(action)
    );
    let digest = STANDARD.encode(Sha256::digest(SUBMIT));
    framed(200, "Working…", &body, &format!("script-src 'sha256-{digest}'; "))
}

/// The one line of script there is.
const SUBMIT: &str = "document.forms[0].submit();";

fn actions(buttons: &[(&str, &str)]) -> String {
    // The first one is what the Enter key presses.
    let buttons: String = buttons
        .iter()
        .enumerate()
        .map(|(index, (value, label))| {
            let class = if index == 0 { " class=\"main\"" } else { "" };
            format!("<button{class} name=\"action\" value=\"{value}\">{label}</button>")
        })
        .collect();
    format!("<div class=\"actions\">{buttons}</div>")
}

fn notice(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("<p class=\"notice\" role=\"alert\">{}</p>", escape(text)))
}

fn page(status: u16, title: &str, body: &str) -> Answer {
    framed(status, title, body, "")
}

fn framed(status: u16, title: &str, body: &str, scripts: &str) -> Answer {
    let title = escape(title);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><p class=\"brand\">Entra emulator</p><h1>{title}</h1>{body}</main></body></html>\n"
    );
    let mut answer = Answer::new(status, "text/html; charset=utf-8", html);
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; {scripts}form-action *; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    for (name, value) in [
        ("content-security-policy", policy.as_str()),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        answer.headers.push((name.to_owned(), value.to_owned()));
    }
    answer
}

/// Text that stands for itself in HTML, in quotes too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

const STYLE: &str = "\
:root{color-scheme:light dark;--back:#eef1f6;--card:#fff;--text:#1b1f27;--soft:#5b6472;--line:#c9d0db;--main:#2456c8}\
@media (prefers-color-scheme:dark){:root{--back:#12151b;--card:#1c2129;--text:#e8ebf0;--soft:#a0a9b8;--line:#3a4250;\
--main:#4a7df0}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--back);color:var(--text);\
font:16px/1.5 system-ui,sans-serif}\
main{width:100%;max-width:27rem;padding:2rem;background:var(--card);border-radius:.75rem;\
box-shadow:0 2px 18px rgba(0,0,0,.14)}\
.brand{margin:0;color:var(--soft);font-size:.85rem;letter-spacing:.03em}\
h1{margin:.25rem 0 1.25rem;font-size:1.4rem;line-height:1.25;font-weight:600}\
label{display:block;color:var(--soft);font-size:.9rem}\
input{display:block;width:100%;margin-top:.25rem;padding:.55rem .7rem;font:inherit;color:inherit;\
background:transparent;border:1px solid var(--line);border-radius:.4rem}\
button{padding:.5rem 1.1rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);\
border-radius:.4rem;cursor:pointer}\
button:hover,button:focus-visible,input:focus{border-color:var(--main);outline:2px solid var(--main)}\
.main{color:#fff;background:var(--main);border-color:var(--main)}\
.actions{display:flex;flex-direction:row-reverse;gap:.6rem;margin-top:1.4rem}\
.account{display:block;width:100%;margin-bottom:.5rem;text-align:left}\
.account span{display:block;color:var(--soft);font-size:.85rem}\
.or{margin:1rem 0 .5rem;color:var(--soft);font-size:.9rem}\
.who{font-weight:600;overflow-wrap:anywhere}\
.notice{padding:.6rem .8rem;border-left:4px solid #c4314b;background:rgba(196,49,75,.1);overflow-wrap:anywhere}\
.fine{color:var(--soft);font-size:.8rem}\
code{overflow-wrap:anywhere}\
ul{padding-left:1.2rem}";

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_stands_for_itself() {
        assert_eq!(escape("<a b='c' d=\"e\">&amp;"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;amp;");
    }
}
