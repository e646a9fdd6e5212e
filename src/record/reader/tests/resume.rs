//! A reader that is ended at any line and begun again finds what one that never ended finds: none twice, none lost.

use std::collections::HashSet;

use super::*;

/// What a reader finds of the lines, in words that can be compared.
fn told(reader: &mut Reader, maker: &mut Maker, lines: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines {
        reader.line(maker, line.clone(), &mut |what| found.push(format!("{what:?}")));
    }
    found
}

pub(super) fn reader(options: &Options, choice: &Choice) -> (Reader, Maker) {
    let limits = Limits::default();
    let reader = Reader::new(Arc::new(options.clone()), Arc::new(choice.clone()), limits.line_bytes);
    (reader, Maker::new(limits, &[]))
}

fn ended(reader: &mut Reader, maker: &mut Maker, mut found: Vec<String>) -> Vec<String> {
    reader.finish(maker, &mut |what| found.push(format!("{what:?}")));
    found
}

/// What two readers find, the second of which goes on where the first was ended; `None` where that is not possible.
fn in_two(lines: &[Line], options: &Options, choice: &Choice, cut: usize) -> Option<Vec<String>> {
    let (mut first, mut maker) = reader(options, choice);
    let mut found = told(&mut first, &mut maker, &lines[..cut]);
    let saved = serde_json::from_str(&serde_json::to_string(&first.save()?).unwrap()).unwrap();
    let through = lines.get(cut).map_or(u64::MAX, |line| line.origin.offset);
    let open: HashSet<(u64, u32)> = first.unfinished().map(|part| (part.offset, part.part)).collect();
    let again = first.unfinished().filter(|part| !part.carried);
    let from = again.map(|part| part.offset).min().unwrap_or(through);
    let (mut second, mut maker) = reader(options, choice);
    second.restore(saved);
    second.resume("f".into(), Resumed { through, open, done: HashSet::new() });
    let rest: Vec<Line> = lines.iter().filter(|line| line.origin.offset >= from).cloned().collect();
    found.extend(told(&mut second, &mut maker, &rest));
    Some(ended(&mut second, &mut maker, found))
}

fn holds(text: &str, options: &Options) {
    let lines = lines(text.as_bytes());
    let choice = choice(&lines, options);
    let (mut whole, mut maker) = reader(options, &choice);
    let found = told(&mut whole, &mut maker, &lines);
    let found = ended(&mut whole, &mut maker, found);
    for cut in 0..=lines.len() {
        if let Some(parts) = in_two(&lines, options, &choice, cut) {
            assert_eq!(parts, found, "cut before line {cut} of\n{text}");
        }
    }
}

/// A line of one of the kinds that are joined, or that lie between.
fn line((kind, id, index, second): (u8, u8, u32, i64)) -> String {
    let created = format!(r#","created":{}"#, 1_771_331_600 + second);
    let nanos = (1_771_331_600 + second) * 1_000_000_000;
    let model = r#"{"key":"gen_ai.request.model","value":{"stringValue":"m"}}"#;
    let event = |id: u8| {
        format!(
            r#"{{"timeUnixNano":"{nanos}","traceId":"t","spanId":"p{id}","eventName":"gen_ai.choice","body":{{"kvlistValue":{{"values":[{{"key":"index","value":{{"intValue":"{index}"}}}},{{"key":"message","value":{{"stringValue":"m{second}"}}}}]}}}}}}"#
        )
    };
    match kind {
        0..=2 => chunk(&format!("s{id}"), &says(index, &format!("x{second} ")), &created),
        3 => chunk(&format!("s{id}"), &ends(index), &created),
        4 => chunk(&format!("s{id}"), "", &format!("{created}{USAGE}")),
        5 => format!(r#"{{"id":"n{second}","ts":{},"g":"g{id}","samples":["y{second}"]}}"#, 1_771_331_600 + second),
        6 | 7 => {
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{},{}]}}]}}]}}"#, event(id), event(id + 1))
        }
        8 => format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"t","spanId":"p{id}","endTimeUnixNano":"{nanos}","attributes":[{model}]}},{{"name":"db"}}]}}]}}]}}"#
        ),
        _ => "INFO it is the program that speaks".into(),
    }
}

/// Kinds, ids, indices, and times that mostly go on, and now and then go back.
fn logs() -> impl Strategy<Value = Vec<String>> {
    let step = (0u8..10, 0u8..3, 0u32..2, prop_oneof![8 => 0i64..6, 2 => 10i64..40, 1 => -20i64..0]);
    prop::collection::vec(step, 1..24).prop_map(|steps| {
        let mut second = 0;
        let with_time = |(kind, id, index, by): (u8, u8, u32, i64)| {
            second += by;
            line((kind, id, index, second))
        };
        steps.into_iter().map(with_time).collect()
    })
}

/// The lines in Docker's envelope, some of them cut into parts that lie between those of others.
fn in_docker(lines: &[String], cuts: &[usize]) -> String {
    let mut text = vec![docker("{\"samples\":[\"first\"]}\n", "stdout")];
    let mut held: Option<String> = None;
    for (line, cut) in lines.iter().zip(cuts) {
        let stream = if held.is_none() { "stdout" } else { "stderr" };
        match cut {
            1..=9 => {
                let (begin, end) = line.split_at(line.len() * cut / 10);
                text.push(docker(begin, stream));
                if held.is_none() {
                    held = Some(docker(&format!("{end}\n"), stream));
                } else {
                    text.push(docker(&format!("{end}\n"), stream));
                }
            }
            _ => {
                text.push(docker(&format!("{line}\n"), stream));
                text.extend(held.take());
            }
        }
    }
    text.extend(held);
    text.join("\n")
}

fn by_group() -> Options {
    let group = join::Group { by: "g".into(), count: 3, gap: SignedDuration::from_secs(20) };
    Options { join: join::Options { group: Some(group), ..Default::default() }, ..Default::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn streams_events_and_spans_go_on(lines in logs()) {
        holds(&lines.join("\n"), &Options::default());
    }

    #[test]
    fn lines_in_parts_go_on(lines in logs(), cuts in prop::collection::vec(0usize..20, 24)) {
        holds(&in_docker(&lines, &cuts), &Options::default());
    }

    #[test]
    fn groups_go_on(steps in prop::collection::vec((0u8..3, prop_oneof![6 => 0i64..9, 1 => 10i64..40, 1 => -20i64..0]), 1..24)) {
        let mut second = 0;
        let lines: Vec<String> = steps.into_iter().map(|(id, by)| {
            second += by;
            line((5, id, 0, second))
        }).collect();
        holds(&lines.join("\n"), &by_group());
    }

    #[test]
    fn values_over_several_lines_go_on(count in 1usize..5, broken in any::<bool>()) {
        let value = "{\n \"samples\": [\n  \"a\",\n  \"b\"\n ]\n}\n";
        let end = if broken { "{\n \"samples\": [\n{\"samples\":[]}\n" } else { "" };
        holds(&format!("{}{end}{value}", value.repeat(count)), &Options::default());
    }
}

#[test]
fn few_limits_do_not_change_what_goes_on() {
    let text: Vec<String> = (0..12).map(|at| line((at % 3, (at % 5), u32::from(at % 2), i64::from(at)))).collect();
    let join = join::Options { open: 2, ..Default::default() };
    holds(&text.join("\n"), &Options { join, ..Default::default() });
}
