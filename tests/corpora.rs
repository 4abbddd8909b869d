//! The fuzz corpora, replayed: what the fuzzer ever kept is checked on every run.

use std::fs;

use azlatch_tests::root;

type Oracle = fn(&[u8]);

#[path = "../fuzz/oracles.rs"]
mod oracles;

#[test]
fn every_corpus_is_replayed() {
    let targets: [(&str, Oracle); 6] = [
        ("token_response", oracles::token_response),
        ("document", oracles::document),
        ("authority", oracles::authority),
        ("challenge", oracles::challenge),
        ("redirect", oracles::redirect),
        ("record", oracles::record),
    ];
    for (name, oracle) in targets {
        let files = fs::read_dir(root().join("fuzz/corpus").join(name)).expect("a corpus");
        let count = files.map(|file| oracle(&fs::read(file.expect("a file").path()).expect("bytes"))).count();
        println!("{name}: {count} inputs");
        assert!(count >= 4, "the corpus of {name} is gone");
    }
}
