//! What must not be in the file is not in it.

use super::*;

const SECRET: &str = "DE89 3704 0044 0532 0130 00";

fn quiet() -> Privacy {
    Privacy { text: false, redact: Arc::default() }
}

fn redacting(patterns: &[&str]) -> Privacy {
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    Privacy { text: true, redact: Arc::new(Redact::new(&patterns).unwrap()) }
}

/// A record with a secret in every place where a text of it may stand.
fn planted() -> Captured {
    let mut record = record(1);
    let answer = format!("pay {SECRET} at once, as was agreed with the bank");
    record.samples[1] = answer.as_str().into();
    record.prompt = Some(format!("{SECRET}?").into());
    record.labels.push((Name::foreign("iban"), name(&format!(" {SECRET} "))));
    record.labels.push((Name::foreign("around"), name(&format!("<{answer}>"))));
    record.raw = Bytes::from(format!("{{\"a\":\"{}\"}}", SECRET.replace('D', "\\u0044")));
    let mut verdict = verdict(&record);
    verdict.violations[0].message = format!("not allowed: {SECRET}");
    verdict.violations[1].message = format!("it begins \"{}…", &answer[..40]);
    verdict.violations[1].observed = Observed::Text(name(SECRET));
    verdict.divergence.basis = Basis::History(vec![name(&answer), name("other")].into());
    Captured { record, verdict }
}

fn back(entry: Captured, privacy: Privacy) -> (String, Captured) {
    let bytes = written(&[Entry::Record(Box::new(entry))], &State::Empty, privacy, false);
    let (mut entries, reader) = read(&bytes);
    assert_eq!(reader.damage(), None);
    let Some(Entry::Record(captured)) = entries.pop() else { panic!("no record") };
    (unpacked(&bytes), *captured)
}

#[test]
fn without_text_there_are_sizes() {
    let planted = planted();
    let sizes: Vec<usize> = planted.record.samples.iter().map(|sample| sample.len()).collect();
    let (text, got) = back(planted, quiet());
    for secret in [SECRET, "3704", "agreed", "EUR", "Send it all", "other", "u0044"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("\"text\":false") && !text.contains("\"raw\""));
    let placeholders: Vec<String> = sizes.iter().map(|size| format!("‹not captured: {size} bytes›")).collect();
    assert!(got.record.samples.iter().map(|sample| &**sample).eq(placeholders.iter().map(String::as_str)));
    assert_eq!(got.record.prompt.as_deref(), Some("‹not captured: 28 bytes›"));
    assert!(got.record.raw.is_empty());
    assert_eq!(got.record.labels.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["env", "note"]);
    assert_eq!(got.verdict.violations[0].message, "‹not captured: 40 bytes›");
    assert_eq!(got.verdict.violations[1].observed, Observed::Text(name("‹not captured: 27 bytes›")));
    // Counts stay: what contradicts what is told by index.
    assert_eq!(got.verdict.divergence.texts(&got.record.samples).len(), 5);
    assert_eq!(got.verdict.divergence.contradictions[0].sides, [(0, None), (1, None)]);
}

#[test]
fn without_text_what_quotes_nothing_stays() {
    let record = record(1);
    let verdict = verdict(&record);
    let (_, got) = back(Captured { record: record.clone(), verdict: verdict.clone() }, quiet());
    assert_eq!(got.record.labels, record.labels);
    assert_eq!(got.record.numbers, record.numbers);
    assert_eq!(contract(&got.verdict), contract(&verdict));
}

#[test]
fn without_text_short_answers_are_told_by_whole_words() {
    for (message, hidden) in
        [("a node is down", false), ("it said no", true), ("no: not allowed", true), ("éno", false)]
    {
        let record = Record { samples: vec![name("no")], prompt: None, ..record(1) };
        let mut verdict = verdict(&record);
        verdict.divergence.basis = Basis::Samples;
        verdict.violations[0].message = message.into();
        let (_, got) = back(Captured { record, verdict }, quiet());
        assert_eq!(got.verdict.violations[0].message != message, hidden, "{message}");
    }
}

#[test]
fn without_text_only_own_words_are_on_the_timeline() {
    let entries: Vec<Entry> = EventKind::ALL.into_iter().map(|kind| Entry::Event(event(kind))).collect();
    let (back, _) = read(&written(&entries, &State::Empty, quiet(), false));
    for entry in back {
        let Entry::Event(event) = entry else { panic!("{entry:?}") };
        let own = !matches!(event.kind, EventKind::AlertBegan | EventKind::AlertEnded | EventKind::Trigger)
            && !matches!(event.kind, EventKind::Rejected | EventKind::Other);
        assert_eq!(event.text == "seen\u{1b}", own, "{event:?}");
    }
}

#[test]
fn redacted_everywhere() {
    let mut planted = planted();
    planted.record.id = format!("id {SECRET}").into();
    planted.record.key = name(SECRET);
    planted.record.numbers.push((Name::foreign("card"), 4_111_111_111_111_111.0));
    planted.record.numbers.push((Name::foreign(format!("a[\"{SECRET}\"]")), 1.0));
    planted.verdict.id = Arc::clone(&planted.record.id);
    planted.verdict.key = Arc::clone(&planted.record.key);
    planted.verdict.violations[0].observed = Observed::Number(4_111_111_111_111_111.0);
    planted.verdict.drift[0].series = name(&format!("metrics[\"{SECRET}\"]"));
    let (text, got) = back(planted, redacting(&["[A-Z]{2}89[0-9 ]+", r"\d{16}"]));
    for secret in ["3704", "4111", "u0044"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert_eq!(&*got.record.samples[1], "pay [redacted]at once, as was agreed with the bank");
    assert_eq!((&*got.record.key, got.verdict.key), ("[redacted]", Arc::clone(&got.record.key)));
    assert_eq!(got.record.raw, &b"{\"a\":\"[redacted]\"}"[..]);
    assert_eq!(got.verdict.violations[0].observed, Observed::Missing);
    assert_eq!(got.record.numbers.len(), 3);
    assert_eq!(got.verdict.divergence.contradictions[0].sides, [(0, None), (1, None)]);
    assert!(text.contains("\"redacted\":true"));
}

#[test]
fn a_state_with_a_redacted_text_is_unknown() {
    let secret = State::Known(serde_json::json!({"keys": {"agent-7": [1]}}));
    for (patterns, known) in [(&["agent"][..], false), (&["1"], true), (&[], true)] {
        let bytes = written(&[], &secret, redacting(patterns), false);
        assert_eq!(*read(&bytes).1.state() == secret, known);
    }
    let bytes = written(&all(), &State::Empty, redacting(&["samples: 4", "version", "seen", "hand", "live"]), false);
    let text = unpacked(&bytes);
    for secret in ["samples: 4", "version: 1", "seen", "by hand", "live.ndjson"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

proptest! {
    #[test]
    fn no_text_and_no_match_is_in_the_file(entry in any_record(), secret in "[a-z]{9}") {
        let Entry::Record(captured) = entry else { unreachable!() };
        let plant = |mut captured: Captured| {
            captured.record.samples.push(format!("the {secret}").into());
            captured.record.labels.push((Name::foreign("l"), secret.as_str().into()));
            captured.verdict.violations[0].message = format!("found {secret}");
            captured
        };
        for privacy in [quiet(), redacting(&[&secret])] {
            let (text, _) = back(plant((*captured).clone()), privacy);
            prop_assert!(!text.contains(&secret), "{text}");
        }
    }
}
