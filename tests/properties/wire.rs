//! Round trips, and readers that no text can panic.

use azlatch_core::Unix;
use azlatch_core::token::Granted;
use azlatch_core::wire::form::Form;
use azlatch_core::wire::{date, json, jwt, text};
use proptest::prelude::*;

/// Undoes form encoding, independently of the code under test.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let hex = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
                u8::from_str_radix(std::str::from_utf8(&hex).expect("ASCII"), 16).expect("hex")
            }
            b => b,
        });
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn forms_round_trip(a in "\\PC{1,20}", b in "[\\x00-\\x7f]{1,20}") {
        let encoded = Form::new().plain("a", a.clone()).secret("b", &b).encode();
        let encoded = std::str::from_utf8(encoded.expose_secret()).expect("ASCII");
        prop_assert!(encoded.bytes().all(|c| c.is_ascii_graphic()));
        let (first, second) = encoded.split_once('&').expect("two");
        prop_assert_eq!(decode(first.strip_prefix("a=").expect("a")), a.into_bytes());
        prop_assert_eq!(decode(second.strip_prefix("b=").expect("b")), b.into_bytes());
    }

    #[test]
    fn http_dates_round_trip(seconds in 0..253_402_300_799_i64) {
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Civil date of a day number, by the usual reckoning of 400-year eras.
        let z = days + 719_468;
        let era = z / 146_097;
        let doe = z - era * 146_097;
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
        let year = yoe + era * 400 + i64::from(month <= 2);
        let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][usize::try_from(month - 1).expect("a month")];
        let clock = format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60);
        prop_assert_eq!(date::http_date(&format!("Sun, {day:02} {name} {year:04} {clock} GMT")), Some(Unix(seconds)));
        prop_assert_eq!(date::http_date(&format!("Sun {name} {day:2} {clock} {year:04}")), Some(Unix(seconds)));
        prop_assert_eq!(date::expiry(&format!("{year:04}-{month:02}-{day:02}T{clock}Z")), Some(Unix(seconds)));
        prop_assert_eq!(date::expiry(&format!("{month:02}/{day:02}/{year:04} {clock} +00:00")), Some(Unix(seconds)));
        prop_assert_eq!(date::expiry(&seconds.to_string()), Some(Unix(seconds)));
    }

    #[test]
    fn no_text_panics_a_reader(input in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = (date::http_date(&input), date::expiry(&input), date::retry_after(&input, Unix(0)));
        let _ = (json::text(&input), json::integer(&input), json::items(&input), json::Object::parse(&input).is_ok());
        let _ = (jwt::ClientInfo::parse(&input), jwt::AccountHints::parse(&input));
        let _ = Granted::parse(&bytes, Unix(0));
    }

    #[test]
    fn o_06_an_access_token_is_opaque(token in "[A-Za-z0-9._~+/=-]{1,200}", member in "[a-z]{1,8}", value in any::<i64>()) {
        let mut body = String::from("{\"access_token\":");
        json::quote(&mut body, &token);
        // O-07: unknown members change nothing.
        body.push_str(&format!(",\"x_{member}\":{value},\"expires_in\":60}}"));
        let granted = Granted::parse(body.as_bytes(), Unix(0)).expect("granted");
        prop_assert_eq!(granted.access_token.expose_secret(), token);
        prop_assert_eq!(granted.expires_on, Unix(60));
    }

    #[test]
    fn shown_text_is_bounded_and_visible(input in "[\\x00-\\x{10ffff}]{0,60}", max in 0..100_usize) {
        let shown = text::printable(&input, max);
        prop_assert!(shown.len() <= max + '…'.len_utf8());
        prop_assert!(!shown.chars().any(|c| c.is_control()));
    }
}
