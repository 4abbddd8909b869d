//! The page that a person reads in the browser: self-contained, without script, and quiet about secrets.

use azlatch_core::effect::Farewell;
use azlatch_core::wire::text::printable;

/// How much of a reason is shown, in bytes.
const REASON: usize = 1000;

/// What stands in the browser when the sign-in is over.
pub(crate) fn farewell(farewell: &Farewell) -> String {
    match farewell {
        Farewell::SignedIn => page("✓", "You are signed in.", "You can close this window."),
        Farewell::Failed(reason) => {
            let reason = printable(reason, REASON);
            let next = "Go back to the terminal or application and try again.";
            page("✕", "You are not signed in.", &format!("{}</p><p>{next}", escaped(&reason)))
        }
    }
}

/// What stands there when nobody came back to say how it ended.
pub(crate) fn neutral() -> String {
    page("…", "Almost there.", "Finish in the terminal or application; you can close this window.")
}

/// What stands there for a request that is not the answer waited for; `why` is ours, and needs no escaping.
pub(crate) fn refusal(why: &str) -> String {
    page("✕", "This is not the answer waited for.", why)
}

/// `body` may hold markup of ours; whatever came from elsewhere has been escaped.
fn page(sign: &str, heading: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{heading}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<div>{sign}</div>\n<h1>{heading}</h1>\n<p>{body}</p>\n</main>\n</body>\n</html>\n"
    )
}

const STYLE: &str = "\
:root { --ground: #f3f4f6; --card: #fff; --ink: #1f2328; --soft: #59636e; --line: #d9dee4; --mark: #0f6cbd }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --card: #1f2429; --ink: #eef1f4; --soft: #a3adb8; --line: #343b43; --mark: #62abf5 }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif }
main { box-sizing: border-box; width: min(28rem, calc(100vw - 2rem)); padding: 2.5rem 2rem; text-align: center;
  background: var(--card); border: 1px solid var(--line); border-radius: .75rem }
div { width: 3rem; margin: 0 auto; font-size: 1.4rem; line-height: 3rem; color: var(--card); background: var(--mark);
  border-radius: 50% }
h1 { margin: 1.25rem 0 .5rem; font-size: 1.35rem; font-weight: 600 }
p { margin: .5rem 0 0; color: var(--soft); overflow-wrap: anywhere }
";

/// `text` as HTML text or a quoted attribute value.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_06_a_reason_is_text_and_never_markup() {
        for (reason, shown) in [
            ("AADSTS65004: declined", "AADSTS65004: declined"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("</p><img src=x onerror='y'>", "&lt;/p&gt;&lt;img src=x onerror=&#39;y&#39;&gt;"),
            ("\" & \u{202e}evil\u{1b}[2J", "&quot; &amp; \\u{202e}evil\\u{1b}[2J"),
            ("&lt;", "&amp;lt;"),
        ] {
            let html = farewell(&Farewell::Failed(reason.to_owned()));
            assert!(html.contains(&format!("<p>{shown}</p>")), "{html}");
        }
        assert!(farewell(&Farewell::Failed("<".repeat(100_000))).len() < 8_000, "a long reason is cut");
    }

    #[test]
    fn pages_need_nothing_from_elsewhere_and_run_nothing() {
        let pages = [
            farewell(&Farewell::SignedIn),
            farewell(&Farewell::Failed("no".to_owned())),
            neutral(),
            refusal("This answer belongs to another sign-in."),
        ];
        for html in pages {
            for word in ["<script", "http:", "https:", "src=", "href=", "url(", "@import", "<form", "refresh"] {
                assert!(!html.contains(word), "{word} in {html}");
            }
            assert!(html.starts_with("<!doctype html>") && html.contains("prefers-color-scheme: dark"));
        }
        assert!(farewell(&Farewell::SignedIn).contains("You can close this window."));
    }
}
