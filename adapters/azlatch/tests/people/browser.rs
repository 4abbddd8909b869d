//! This program as a browser: it goes where it is sent, and where it is sent back to.

use std::env;
use std::fs;

use crate::place::location;

#[test]
#[ignore = "started by the tests as a browser, with an address"]
fn plays_the_browser() {
    let words: Vec<String> = env::args().collect();
    let [.., authority, url] = words.as_slice() else { return };
    let Ok(roots) = fs::read(authority) else { return };
    // Answers are posted by forms; without scripts it is easier to be redirected.
    let back = location(&url.replace("response_mode=form_post", "response_mode=query"), &roots);
    if let Some(back) = back {
        location(&back, &roots);
    }
}
