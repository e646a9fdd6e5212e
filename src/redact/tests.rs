//! Nothing that matches is left, however it is written.

use proptest::prelude::*;

use super::*;

fn redact(patterns: &[&str]) -> Redact {
    Redact::new(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

fn json(patterns: &[&str], text: &str) -> String {
    String::from_utf8(redact(patterns).json(text.as_bytes())).unwrap()
}

#[test]
fn patterns_are_checked_and_bounded() {
    assert_eq!(Redact::new(&["a".into(), "(".into()]).unwrap_err().0, 1);
    assert!(Redact::new(&[r"\w{1000}{1000}".into()]).unwrap_err().1.contains("size limit"));
    assert!(Redact::default().is_empty() && !redact(&["x"]).is_empty());
    assert_eq!(Redact::default().json(b"\xff{\"a\": 1}"), b"\xff{\"a\": 1}");
}

#[test]
fn texts() {
    assert_eq!(redact(&[r"\d+"]).text("a1b22"), "a[redacted]b[redacted]");
    assert!(matches!(redact(&[r"\d+"]).text("ab"), Cow::Borrowed("ab")));
    assert_eq!(redact(&["1"]).text("11"), "[redacted][redacted]");
    // Overlapping matches leave nothing of either.
    assert_eq!(redact(&["abc", "cde"]).text("xabcdey"), "x[redacted]y");
    // Empty matches are none, and the mark is not marked again.
    assert_eq!(redact(&[r"\d*", "redacted"]).text("a1 redacted"), "a[redacted] [redacted]");
    // What comes about when a match is taken out is taken out too.
    assert_eq!(redact(&["ID_", r"\b\d{4}\b"]).text("ID_1234"), "[redacted][redacted]");
    assert_eq!(redact(&["a", r"\]b"]).text("ab"), "[redacted]");
}

#[test]
fn json_keeps_what_does_not_match() {
    let text = "{ \"b\" : [1.50, -2e3, true,null],\t\"a\":\"\\u0041\\/\", \"a\": {} }\r\n";
    assert_eq!(json(&["nothing"], text), text);
    assert_eq!(json(&["A"], text), "{ \"b\" : [1.50, -2e3, true,null],\t\"a\":\"[redacted]/\", \"a\": {} }\r\n");
}

#[test]
fn escapes_keys_and_numbers_hide_nothing() {
    assert_eq!(json(&["secret"], r#"{"\u0073ecret":"a\u0073ecret\n"}"#), r#"{"[redacted]":"a[redacted]\n"}"#);
    assert_eq!(json(&["😀"], r#"["\ud83d\ude00","\ud83d"]"#), r#"["[redacted]","\ud83d"]"#);
    assert_eq!(json(&["4111"], r#"[4111, 4.111e3, -41112, 5]"#), r#"["[redacted]", "[redacted]", "[redacted]", 5]"#);
    assert_eq!(json(&["x"], r#""x""#), r#""[redacted]""#);
    assert_eq!(json(&["\""], r#"["\""]"#), r#"["[redacted]"]"#);
}

#[test]
fn json_in_a_text_is_looked_into() {
    let inner = r#"{"name":"M\u00fcller"}"#;
    let outer = serde_json::json!({"log": format!("{inner}\n"), "cut": "{\"name\":\"M\\u00fcller"}).to_string();
    let got = json(&["Müller"], &outer);
    assert!(got.contains(r#"{\"name\":\"[redacted]\"}"#) && got.contains(r#""cut":"[redacted]""#), "{got}");
    let got = json(&["Müller"], &format!("<14>1 host[3]: {inner}"));
    assert_eq!(got, r#"<14>1 host[3]: {"name":"[redacted]"}"#);
}

#[test]
fn what_is_no_json_goes_by_lines() {
    assert_eq!(
        json(&["secret"], "{\"a\":\"\\u0073ecret\"}\nno secret\n{\"a\":1}"),
        "{\"a\":\"[redacted]\"}\nno [redacted]\n{\"a\":1}"
    );
    assert_eq!(json(&["(?s)BEGIN.*END", "^b$"], "BEGIN\nx\nEND\nb\n{}"), "[redacted]\n[redacted]\n{}");
    assert_eq!(redact(&["b"]).json(b"a\xffb"), "a\u{fffd}[redacted]".as_bytes());
}

#[test]
fn nesting_costs_no_stack() {
    let deep = format!("{}\"x\"{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(json(&["x"], &deep).contains("[\"[redacted]\"]"));
    let broken = "[{".repeat(100_000);
    assert_eq!(json(&["x"], &broken), broken);
}

/// Every text, key and number of a value.
fn leaves(json: &serde_json::Value, found: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Number(number) => found.push(number.to_string()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        serde_json::Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            found.push(key.clone());
            leaves(value, found);
        }),
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof!["[ab1\\\\\"é]{0,8}".prop_map(serde_json::Value::from), any::<i32>().prop_map(Into::into)];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[ab1é]{0,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// All characters as escapes: as hidden as can be.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            '\\' => {
                out.push(c);
                out.extend(chars.next());
            }
            c if quoted => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

proptest! {
    #[test]
    fn no_match_is_left(value in any_json(), hide in any::<bool>(), pattern in prop_oneof![
        Just("ab"), Just("a+"), Just("b1|1a"), Just("é"), Just(r"\d{2,}"), Just("\""), Just(r"\bb"),
    ]) {
        let text = value.to_string();
        let text = if hide { escaped(&text) } else { text };
        let redact = redact(&[pattern]);
        let out = redact.json(text.as_bytes());
        let mut found = Vec::new();
        leaves(&serde_json::from_slice(&out).unwrap(), &mut found);
        for leaf in found {
            prop_assert!(!redact.finds(&leaf) || leaf == MARK, "{leaf} in {}", String::from_utf8_lossy(&out));
        }
        prop_assert_eq!(redact.json(&out), out);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(prop_oneof![Just(b'{'), Just(b'"'), Just(b'\\'), Just(b'a'), any::<u8>()], 0..64)) {
        let redact = redact(&["a"]);
        let out = redact.json(&bytes);
        let text = String::from_utf8_lossy(&out).replace(MARK, "");
        prop_assert!(!text.contains('a'), "{}", text);
    }
}
