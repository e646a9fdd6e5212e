//! Values in every form that files have them in, and what is left of them when they are broken.

use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::*;

type Seen = Vec<Found<'static>>;

/// Reads a text; `saved` says whether the state goes through JSON between two lines.
fn scan_as(text: &[u8], limit: usize, saved: bool) -> Seen {
    let mut scanner = Scanner::new(limit);
    let mut seen = Vec::new();
    let mut keep = |found: Found<'_>| seen.push(Found { bytes: Cow::Owned(found.bytes.into_owned()), ..found });
    let mut offset = 0;
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        scanner.line(line, offset, Some(number as u64 + 1), &mut keep);
        offset += line.len() as u64 + 1;
        if let Some(open) = &scanner.open {
            assert!(open.held.len() <= limit.max(EXCERPT));
        }
        if saved {
            let value = serde_json::to_value(&scanner).unwrap();
            let again: Scanner = serde_json::from_str(&value.to_string()).unwrap();
            assert_eq!(again, scanner);
            scanner = again;
        }
    }
    scanner.finish(&mut keep);
    assert_eq!(scanner.unfinished(), None);
    seen
}

fn scan(text: &str) -> Vec<(String, u64, u32, Option<String>)> {
    let text_of = |found: &Found<'_>| String::from_utf8_lossy(&found.bytes).into_owned();
    scan_as(text.as_bytes(), 1_000, true).iter().map(|f| (text_of(f), f.offset, f.part, f.fault.clone())).collect()
}

fn good(text: &str, offset: u64, part: u32) -> (String, u64, u32, Option<String>) {
    (text.to_owned(), offset, part, None)
}

fn bad(text: &str, offset: u64, part: u32, fault: &str) -> (String, u64, u32, Option<String>) {
    (text.to_owned(), offset, part, Some(fault.to_owned()))
}

const TEXT: &str = "not JSON: a string has no end on its line";
const BRACKET: &str = "not JSON: `}` closes a bracket of the other kind";
const NO_END: &str = "the value that begins here has no end";

#[test]
fn many_values_on_a_line_and_many_lines_of_a_value() {
    assert_eq!(
        scan(r#"{"a":1}{"b":"}"} , [{"c":[1]}]"#),
        [good(r#"{"a":1}"#, 0, 0), good(r#"{"b":"}"}"#, 0, 1), good(r#"{"c":[1]}"#, 0, 2),]
    );
    assert_eq!(
        scan("{\n  \"a\": 1\n} {\"b\":\n 2}{}\n"),
        [good("{\n  \"a\": 1\n}", 0, 0), good("{\"b\":\n 2}", 11, 0), good("{}", 19, 0),]
    );
    assert_eq!(
        scan("[\n  {\"a\":1},\n\n  {\"b\":\n   2}\n]\n{}"),
        [good("{\"a\":1}", 2, 0), good("{\"b\":\n   2}", 14, 0), good("{}", 30, 0),]
    );
}

#[test]
fn scalars_and_arrays_within_the_array_are_found() {
    assert_eq!(
        scan(r#"[1, "a]", null, [2, {}], {}] -1.5 "x" true"#),
        [
            good("1", 0, 0),
            good(r#""a]""#, 0, 1),
            good("null", 0, 2),
            good("[2, {}]", 0, 3),
            good("{}", 0, 4),
            good("-1.5", 0, 5),
            good(r#""x""#, 0, 6),
            good("true", 0, 7),
        ]
    );
    assert_eq!(scan("[\n[1],\n[2\n]\n]"), [good("[1]", 2, 0), good("[2\n]", 7, 0)]);
    assert_eq!(scan("[]\n[ ]\n,"), []);
}

#[test]
fn a_value_on_one_line_is_borrowed() {
    let mut scanner = Scanner::new(100);
    let mut borrowed = Vec::new();
    scanner.line(b"[1, {\"a\":\"b\"}, \"c\"]", 0, None, &mut |found| {
        borrowed.push(matches!(found.bytes, Cow::Borrowed(_)))
    });
    assert_eq!(borrowed, [true; 3]);
}

#[test]
fn text_between_values() {
    for line in [
        "this is no record",
        "garbage {\"a\":1}",
        "[INFO] text",
        "[2026-02-17 12:34:56] text",
        "2026-02-17 12:34:56 text",
        "12:34:56 text",
        "\"key\": 1,",
        "}",
        "]",
        "{'a': 1}",
    ] {
        let seen = scan(&format!("{{}}\n{line}\n{{}}"));
        let fault = if line.starts_with('{') { None } else { Some("not JSON".to_owned()) };
        let end = line.len() as u64 + 4;
        assert_eq!(seen, [good("{}", 0, 0), (line.to_owned(), 3, 0, fault), good("{}", end, 0)], "{line}");
    }
    assert_eq!(scan("{} text {}"), [good("{}", 0, 0), bad("text {}", 0, 1, "not JSON")]);
    assert_eq!(
        scan("[{}, None, NaN]\n{}"),
        [good("{}", 0, 0), bad("None", 0, 1, "not JSON"), bad("NaN", 0, 2, "not JSON"), good("{}", 16, 0),]
    );
    assert_eq!(
        scan("[\n  {},\n  some, text,\n  {}\n]\n{}"),
        [good("{}", 2, 0), bad("some, text,", 8, 0, "not JSON"), good("{}", 22, 0), good("{}", 29, 0),]
    );
}

#[test]
fn a_string_over_two_lines_breaks_one_value() {
    assert_eq!(scan("{\"a\":\"b\nc\"}\n{\"d\":1}"), [bad("{\"a\":\"b", 0, 0, TEXT), good("{\"d\":1}", 12, 0)]);
    assert_eq!(
        scan("{\n  \"a\": \"b\nc\",\n  \"d\": {}\n}\n{}"),
        [bad("{\n  \"a\": \"b", 0, 0, TEXT), good("{}", 28, 0)]
    );
    assert_eq!(
        scan("{\n\"a\": \"\n  ]}, {\"b\": 1}\n]}, {\"b\": 1}"),
        [bad("{\n\"a\": \"", 0, 0, TEXT), good("{\"b\": 1}", 24, 0)]
    );
    assert_eq!(scan("\"a\n{}"), [bad("\"a", 0, 0, TEXT), good("{}", 3, 0)]);
    let long = format!("{{\"a\":\"{}", "x".repeat(600));
    assert_eq!(scan(&long), [bad(&long[..EXCERPT], 0, 0, TEXT)]);
    assert_eq!(scan(&format!("{{\n{}", &long[1..])), [bad(&format!("{{\n{}", &long[1..EXCERPT - 1]), 0, 0, TEXT)]);
}

#[test]
fn a_broken_element_does_not_end_its_array() {
    let text = "[\n  {\n    \"a\": \"b\n    c\",\n    \"d\": [\n      {}\n    ]\n  },\n  {\"e\": 1},\n  {\"f\": [}},\n  {\n    \"g\": 2\n  }\n]\n[{}]";
    assert_eq!(
        scan(text),
        [
            bad("{\n    \"a\": \"b", 2, 0, TEXT),
            good("{\"e\": 1}", 57, 0),
            bad("{\"f\": [}},", 69, 0, BRACKET),
            good("{\n    \"g\": 2\n  }", 82, 0),
            good("{}", 103, 0),
        ]
    );
    assert_eq!(
        scan("[\n{\"a\":\"b\n},\n{},\n[1]\n]\n[[2]]"),
        [bad("{\"a\":\"b", 2, 0, TEXT), good("{}", 13, 0), good("[1]", 17, 0), good("[2]", 23, 0)]
    );
}

#[test]
fn a_wrong_bracket_breaks_one_value() {
    assert_eq!(scan("{\"a\":[1}}\n{}"), [bad("{\"a\":[1}}", 0, 0, BRACKET), good("{}", 10, 0)]);
    assert_eq!(scan("{\n  \"a\": [\n  }\n}\n{}"), [bad("{\n  \"a\": [\n  }", 0, 0, BRACKET), good("{}", 17, 0)]);
    let square = "not JSON: `]` closes a bracket of the other kind";
    assert_eq!(scan("[{\"a\":1]\n{}\n[{}]"), [bad("{\"a\":1]", 0, 0, square), good("{}", 9, 0), good("{}", 12, 0)]);
}

#[test]
fn a_value_that_was_cut_off() {
    for (cut, rest) in [
        ("{\"a\": 1, \"b\"", ""),
        ("{\"a\": 1,", ""),
        ("{", ""),
        ("{\n  \"a\": 1,", ""),
        ("{\n  \"a\":", ""),
        ("{\n  \"a\": [\n    {},", ""),
        ("{\"a\": [\n{},\n{}", ""),
        ("{\"a\": [1,\n{\"next\": 1}", ""),
        ("[\n  {\n    \"a\": 1", "[\n  "),
        ("[\n  {\n    \"a\": [", "[\n  "),
        ("[\n  {\n    \"a\": 1", "  "),
    ] {
        let value = cut.trim_start_matches("[\n  ");
        let offset = if value.len() < cut.len() { 2 } else { 0 };
        let next = (cut.len() + 1 + rest.find('\n').map_or(0, |at| at + 1)) as u64;
        let seen = scan(&format!("{cut}\n{rest}{{\"z\": 1}}\n"));
        assert_eq!(seen, [bad(value, offset, 0, CUT_OFF), good("{\"z\": 1}", next, 0)], "{cut}");
    }
    for cut in ["[\n  {},", "[\n  {}", "[{}"] {
        let seen = scan(&format!("{cut}\n[\n  {{}}\n]\n[1]"));
        let rest: Vec<_> = seen.iter().map(|(text, _, _, fault)| (text.as_str(), fault.is_none())).collect();
        assert_eq!(rest, [("{}", true), ("{}", true), ("1", true)], "{cut}");
    }
}

#[test]
fn an_unusual_form_is_not_cut_off() {
    for value in ["{\"a\":\n{\"b\": 1}\n}", "{\"a\": [\n{},\n{}\n]}", "{\n\"a\":\n[\n[\n{\n}\n],\n{\n}\n]\n}"] {
        assert_eq!(scan(value), [good(value, 0, 0)], "{value}");
    }
}

#[test]
fn the_end_of_the_input() {
    assert_eq!(scan("{}\n{\"a\": [\n 1"), [good("{}", 0, 0), bad("{\"a\": [\n 1", 3, 0, NO_END)]);
    assert_eq!(scan("[{}, {"), [good("{}", 0, 0), bad("{", 0, 1, NO_END)]);
    assert_eq!(scan("[{},"), [good("{}", 0, 0)]);
    let mut scanner = Scanner::new(100);
    scanner.line(b"{} [{", 7, None, &mut |_| ());
    assert_eq!(scanner.unfinished(), Some(7));
    scanner.line(b"}", 13, None, &mut |_| ());
    assert_eq!(scanner.unfinished(), None);
}

#[test]
fn a_value_over_the_limit_is_not_held() {
    let fault = "the value has more than 1000 bytes";
    let one = format!("{{\"a\":\"{}\"}}", "x".repeat(992));
    assert_eq!(scan(&format!("{one}{{}}")), [good(&one, 0, 0), good("{}", 0, 1)]);
    let more = format!("{{\"a\":\"{}\"}}", "x".repeat(993));
    assert_eq!(scan(&format!("{more}{{}}")), [bad(&more[..EXCERPT], 0, 0, fault), good("{}", 0, 1)]);
    let lines = format!("{{\n{}  \"a\": 1\n}}", "  \"b\": [1],\n".repeat(500));
    let end = lines.len() as u64 - 1;
    assert_eq!(scan(&format!("{lines}{{}}")), [bad(&lines[..EXCERPT], 0, 0, fault), good("{}", end, 0)]);
    let deep = format!("{{\"a\":\n{}{}\n}}", "[[\n".repeat(5_000), "]]\n".repeat(5_000));
    assert_eq!(scan(&deep), [bad(&deep[..EXCERPT], 0, 0, fault)]);
    assert_eq!(scan(&format!("[\"{}\"]", "x".repeat(1_000)))[0].3.as_deref(), Some(fault));
}

#[test]
fn work_is_linear() {
    // Each would take minutes if anything were looked at again.
    let n = 100_000;
    for text in [
        format!("{}{}", " ".repeat(n), "{}".repeat(n)),
        format!("[{}{}", " ".repeat(n), "{} x,".repeat(n)),
        "[".repeat(n),
        "[1".repeat(n),
        "[,\"\\,".repeat(n),
        "[\"a,\"b,".repeat(n),
        "{\n".repeat(n),
        "{\"\n".repeat(n),
        "{}]\n".repeat(n),
        format!("{{{}", "\n".repeat(n)),
        format!("[{}", "1 , ".repeat(n)),
        format!("[\"{}\"x", "\\\",".repeat(n)),
    ] {
        scan_as(text.as_bytes(), 1_000, false);
    }
}

fn json() -> impl Strategy<Value = Value> {
    let text = proptest::collection::vec(
        prop_oneof![Just('"'), Just('\\'), Just('{'), Just('}'), Just('['), Just(','), Just('\n'), any::<char>()],
        0..8,
    )
    .prop_map(String::from_iter);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from), object(text.clone(), inner),]
    });
    object("[a-z\"{]{0,4}", inner)
}

fn object(
    names: impl Strategy<Value = String> + 'static,
    values: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Value> {
    let fields = proptest::collection::vec((names, values), 0..4);
    fields.prop_map(|fields| Value::Object(fields.into_iter().collect())).boxed()
}

fn indented(value: &impl Serialize, indent: &[u8]) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter)).unwrap();
    String::from_utf8(out).unwrap()
}

/// Newlines behind all that may have one behind it, outside of strings.
fn broken_up(text: &str) -> String {
    let (mut out, mut inside, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        out.push(c);
        inside ^= c == '"' && !escaped;
        escaped = inside && c == '\\' && !escaped;
        if !inside && ":,[]{}\"".contains(c) {
            out.push('\n');
        }
    }
    out
}

const FORMS: u8 = 12;

/// The same values, in one of the forms.
fn print(values: &[Value], form: u8) -> String {
    let each = |indent: &[u8]| values.iter().map(|value| indented(value, indent)).collect::<Vec<_>>();
    let plain: Vec<_> = values.iter().map(ToString::to_string).collect();
    match form {
        0 => each(b"  ").join("\n"),
        1 => each(b"\t").join("\n\n"),
        2 => each(b"").join(",\n"),
        3 => each(b"    ").concat(),
        4 => plain.concat(),
        5 => plain.join("\n"),
        6 => plain.join(" , "),
        7 => indented(&values, b"  "),
        8 => serde_json::to_string(values).unwrap(),
        9 => format!("[\n{}\n]", plain.join(",\n")),
        10 => format!("[{}]", plain.join("\n ,")),
        _ => broken_up(&serde_json::to_string(values).unwrap()),
    }
}

fn in_order(seen: &Seen) -> bool {
    seen.is_sorted_by(|a, b| (a.offset, a.part) < (b.offset, b.part))
}

proptest! {
    #[test]
    fn values_come_out_as_they_went_in(
        sections in proptest::collection::vec((proptest::collection::vec(json(), 0..5), 0..FORMS), 1..4),
    ) {
        let text = sections.iter().map(|(values, form)| print(values, *form)).collect::<Vec<_>>().join("\n");
        let seen = scan_as(text.as_bytes(), 1 << 20, false);
        prop_assert!(seen.iter().all(|found| found.fault.is_none()), "{text}\n{seen:?}");
        let got: Vec<Value> = seen.iter().map(|found| serde_json::from_slice(&found.bytes).unwrap()).collect();
        let want: Vec<Value> = sections.into_iter().flat_map(|(values, _)| values).collect();
        prop_assert_eq!(got, want, "{}", text);
        prop_assert!(in_order(&seen));
        prop_assert_eq!(scan_as(text.as_bytes(), 1 << 20, true), seen);
    }

    #[test]
    fn broken_text_is_no_harm(
        text in proptest::collection::vec(prop::sample::select(b"{{{}}[]\"\",:\\ \n\n1tnx\xff".as_slice()), 0..300),
        limit in 0usize..40,
    ) {
        let seen = scan_as(&text, limit, true);
        prop_assert!(in_order(&seen), "{:?}", seen);
        for found in seen {
            let from = &text[found.offset as usize..];
            prop_assert!(memchr::memmem::find(from, &found.bytes).is_some());
            prop_assert!(found.fault.is_some() || found.bytes.len() <= limit);
        }
    }

    #[test]
    fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(in_order(&scan_as(&text, 20, true)));
    }

    #[test]
    fn a_change_to_one_object_a_line_costs_no_other(
        values in proptest::collection::vec(json(), 3..8),
        byte in any::<u8>().prop_filter("a line stays one", |byte| *byte != b'\n'),
        place in any::<prop::sample::Index>(),
    ) {
        let mut lines: Vec<Vec<u8>> = values.iter().map(|value| value.to_string().into_bytes()).collect();
        let at = place.index(lines[1].len());
        lines[1][at] = byte;
        let seen = scan_as(&lines.join(&b'\n'), 1 << 20, false);
        let whole = |line: &Vec<u8>| seen.iter().any(|found| *found.bytes == line[..] && found.fault.is_none());
        // The one behind it may look like a part of it.
        prop_assert!(whole(&lines[0]) && lines[3..].iter().all(whole));
    }
}
