//! Merge laws: foreign data survives to the byte, the same change twice is one, changes to different things commute.

use azlatch_core::Unix;
use azlatch_core::cache::{Change, Delta, Document, Room, Section, insert};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::generate::{granted, query};

const NOW: Unix = Unix(1_800_000_000);

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[\\x00-\\x1f\"\\\\]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..4).prop_map(|m| Value::Object(Map::from_iter(m))),
        ]
    })
}

/// A document with sections of anything at all, and members of other programs.
fn document() -> impl Strategy<Value = Value> {
    let section =
        prop_oneof![Just(Value::Null), prop::collection::btree_map("\\PC{0,6}", value(), 0..4).prop_map(|m| json!(m))];
    let ours = prop::sample::subsequence(Section::ALL.map(Section::name).to_vec(), 0..=5);
    let foreign = prop::collection::btree_map("x\\PC{0,4}", value(), 0..4);
    (ours, prop::collection::vec(section, 5), foreign).prop_map(|(names, sections, foreign)| {
        let ours = names.into_iter().map(String::from).zip(sections);
        Value::Object(ours.chain(foreign).collect())
    })
}

fn read(document: &Document) -> Value {
    serde_json::from_slice(document.bytes().expose_secret()).expect("JSON")
}

fn parse(value: &Value) -> Document {
    Document::parse(value.to_string().as_bytes()).expect("a document")
}

fn put(key: &str) -> Delta {
    let mut delta = Delta::default();
    let json = json!({ "secret": key }).to_string();
    delta.push(Change::Put { section: Section::AccessToken, key: key.into(), json: json.as_str().into() });
    delta
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changed_is_nothing_lost(value in document()) {
        let document = parse(&value);
        prop_assert_eq!(read(&document), value.clone());
        let rewritten = read(&document.apply(&Delta::default()));
        // A section that is `null` may come back empty.
        for (name, member) in value.as_object().expect("an object") {
            let emptied = member.is_null() && rewritten[name] == json!({});
            prop_assert!(&rewritten[name] == member || emptied);
        }
    }

    #[test]
    fn what_is_not_changed_survives_to_the_byte(value in document(), query in query()) {
        let document = parse(&value);
        let merged = document.apply(&insert(&document, &query, &granted("secret", NOW), None, Room::Ample));
        let merged = read(&merged);
        for (name, member) in value.as_object().expect("an object") {
            match (member.as_object(), Section::ALL.iter().any(|s| s.name() == name)) {
                (Some(entities), true) => entities.iter().for_each(|(key, entity)| {
                    // Entities that are not ours to replace: keys of a program's making never meet generated ones.
                    assert_eq!(&merged[name][key], entity);
                }),
                (None, true) => {}
                (_, false) => prop_assert_eq!(&merged[name], member),
            }
        }
    }

    #[test]
    fn the_same_change_twice_is_one(value in document(), query in query()) {
        let document = parse(&value);
        let delta = insert(&document, &query, &granted("secret", NOW), None, Room::Ample);
        let once = document.apply(&delta);
        prop_assert_eq!(read(&once.apply(&delta)), read(&once));
        let again = insert(&once, &query, &granted("secret", NOW), None, Room::Ample);
        prop_assert_eq!(read(&once.apply(&again)), read(&once));
    }

    #[test]
    fn changes_to_different_things_commute(value in document(), a in "[a-m]{1,3}", b in "[n-z]{1,3}") {
        let document = parse(&value);
        let (ab, ba) = (document.apply(&put(&a)).apply(&put(&b)), document.apply(&put(&b)).apply(&put(&a)));
        prop_assert_eq!(read(&ab), read(&ba));
        prop_assert_eq!(&read(&ab)["AccessToken"][&a]["secret"], &json!(a));
    }

    #[test]
    fn a_drop_compares_before_it_deletes(key in "[a-z]{1,4}", stored in "[a-z]{1,4}", expected in "[a-z]{1,4}") {
        let document = Document::default().apply(&{
            let mut delta = Delta::default();
            let json = json!({ "secret": stored }).to_string();
            delta.push(Change::Put { section: Section::RefreshToken, key: key.clone(), json: json.as_str().into() });
            delta
        });
        let mut delta = Delta::default();
        delta.push(Change::Drop { section: Section::RefreshToken, key: key.clone(), secret: Some(expected.as_str().into()) });
        let left = document.apply(&delta);
        prop_assert_eq!(left.entity(Section::RefreshToken, &key).is_some(), stored != expected);
    }

    #[test]
    fn a_key_given_twice_is_refused_among_however_many(
        keys in prop::collection::hash_set("[a-c]{1,12}", 1..80),
        twice in any::<prop::sample::Index>(),
        sorted in any::<bool>(),
        spelled in any::<bool>(),
    ) {
        let mut keys: Vec<String> = keys.into_iter().collect();
        if sorted {
            keys.sort();
        }
        let text = |keys: &[String]| {
            let entities: Vec<String> = keys.iter().map(|key| format!("\"{key}\":1")).collect();
            format!("{{\"AccessToken\":{{{}}}}}", entities.join(","))
        };
        prop_assert!(Document::parse(text(&keys).as_bytes()).is_ok());
        let again = keys[twice.index(keys.len())].clone();
        keys.push(if spelled { again.replacen('a', "\\u0061", 1) } else { again });
        prop_assert!(Document::parse(text(&keys).as_bytes()).is_err());
    }

    #[test]
    fn s_21_a_torn_document_is_damaged_never_partly_read(value in document(), cut in any::<prop::sample::Index>()) {
        let text = value.to_string();
        let cut = cut.index(text.len());
        prop_assert!(Document::parse(&text.as_bytes()[..cut]).is_err());
    }

    #[test]
    fn s_22_no_bytes_can_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Document::parse(&bytes);
    }
}

#[test]
fn s_20_to_s_29_damaged_documents_as_a_table() {
    let damaged: [&[u8]; 12] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"\0\0\0\0",
        b"\x7fELF",
        b"PK\x03\x04",
        b"{",
        b"{}{}",
        br#"{"AccessToken":[]}"#,
        br#"{"AccessToken":{"k":{}, "k":{}}}"#,
        b"\xff\xfe{\0}\0",
    ];
    for bytes in damaged {
        assert!(Document::parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
    }
    assert!(Document::parse(br#"{"AccessToken":{},"accesstoken":{}}"#).is_err(), "one section, two spellings");
    for bytes in [b"{}".as_slice(), b"\xef\xbb\xbf{}", br#"{"AccessToken":null}"#, br#"{"accesstoken":{"k":7}}"#] {
        assert!(Document::parse(bytes).is_ok(), "{}", String::from_utf8_lossy(bytes));
    }
    // S-24: a hundred thousand levels, on a small stack.
    let deep = format!(r#"{{"Foreign":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    let parsed =
        thread.spawn(move || Document::parse(deep.as_bytes()).map(|d| d.apply(&Delta::default()))).expect("spawned");
    assert!(parsed.join().is_ok(), "no overflow");
}
