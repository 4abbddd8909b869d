//! So many hits and nothing else: `azlatch-hits azlatch 1000`. The instructions of two lengths differ by those of the
//! hits alone; `instructions.sh` counts them.

mod fakes;
mod limits;

use std::hint::black_box;

use fakes::{Authority, VAULT, block_on, hit_other, ready, scope};
use limits::{Entry, Swapped};

fn main() {
    let mut words = std::env::args().skip(1);
    let (who, count) = (words.next().unwrap_or_default(), words.next().and_then(|count| count.parse().ok()));
    let count: usize = count.expect("`azlatch-hits WHO COUNT`");
    let authority = Authority::new(86_399);
    let repeat = |hit: &mut dyn FnMut()| (0..count).for_each(|_| hit());
    let vault = || &black_box(&VAULT)[..];
    match who.as_str() {
        "azlatch" => {
            let credential = authority.blocking();
            credential.get_token(&VAULT).expect("a token");
            repeat(&mut || drop(black_box(credential.get_token(vault()))));
        }
        "async" => {
            let credential = authority.tasks();
            block_on(credential.get_token(&VAULT)).expect("a token");
            repeat(&mut || drop(black_box(ready(credential.get_token(vault())))));
        }
        "handle" => {
            let handle = authority.blocking().for_scopes(VAULT).expect("scopes");
            handle.token().expect("a token");
            repeat(&mut || drop(black_box(handle.token())));
        }
        "limit" => {
            let token = authority.blocking().get_token(&VAULT).expect("a token");
            let map = Swapped::new([Entry::new(&VAULT, &token)]);
            repeat(&mut || drop(black_box(map.get(vault()))));
        }
        "azure_identity" => {
            let credential = authority.other();
            hit_other(&credential, &VAULT);
            repeat(&mut || drop(black_box(hit_other(&credential, vault()))));
        }
        // Not a hit: each asks for another resource.
        "miss" => {
            let credential = authority.blocking();
            let mut i = 0;
            repeat(&mut || {
                i += 1;
                drop(credential.get_token(&[scope(i)]).expect("a token"));
            });
        }
        who => unreachable!("nobody is called {who}"),
    }
}
