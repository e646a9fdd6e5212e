//! Files that were cut, changed or made up.

use super::*;

/// A file of these lines, one frame each, without sums.
fn made(lines: &[&str]) -> Vec<u8> {
    let mut out = preamble(VERSION);
    for line in lines {
        out.extend(frame(format!("{line}\n").as_bytes()));
    }
    out
}

fn preamble(version: u32) -> Vec<u8> {
    let name = format!("watcher capture {version}\n");
    [&MAGIC.to_le_bytes()[..], &(name.len() as u32).to_le_bytes(), name.as_bytes()].concat()
}

fn frame(content: &[u8]) -> Vec<u8> {
    let mut packer = zstd::bulk::Compressor::new(1).unwrap();
    packer.set_parameter(zstd::stream::raw::CParameter::ChecksumFlag(true)).unwrap();
    packer.compress(content).unwrap()
}

fn sound_lines() -> Vec<String> {
    unpacked(&written(&all(), &State::Empty, whole(), false)).lines().map(without_sum).collect()
}

/// The line as it is without its sum: changed lines are to be read, not to be found out by it.
fn without_sum(line: &str) -> String {
    format!("{}}}", &line[..line.rfind(",\"sum\":").unwrap()])
}

fn is_prefix(part: &[Entry], of: &[Entry]) {
    assert!(told(of).starts_with(&told(part)), "{part:?}");
}

#[test]
fn every_cut_gives_what_was_before_it() {
    for flush in [true, false] {
        let bytes = written(&all(), &State::Empty, whole(), flush);
        let (entries, _) = read(&bytes);
        let mut most = 0;
        for cut in 0..bytes.len() {
            match Reader::open(&bytes[..cut], BOUNDS) {
                Ok(mut reader) => {
                    let got: Vec<Entry> = reader.by_ref().collect();
                    assert!(got.len() >= most || !flush, "less of more");
                    most = got.len();
                    is_prefix(&got, &entries);
                    // Its last line may be there without the checksum behind it.
                    assert!(reader.damage().is_some(), "{cut} of {}", bytes.len());
                }
                Err(Refused::Damaged(_)) => assert_eq!(most, 0),
                Err(Refused::Foreign) => assert_eq!(cut, 0),
                Err(other) => panic!("{cut}: {other}"),
            }
        }
        assert!(most == entries.len() || !flush);
    }
}

#[test]
fn whole_lines_of_a_cut_frame_count() {
    let text: String = (1..2_000).map(|seq| format!("{:x}", sum(format!("{seq}").as_bytes()))).collect();
    let long = |seq| captured(Record { prompt: Some(format!("{seq}{}", &text[..20_000]).into()), ..record(seq) });
    let entries: Vec<Entry> = (1..10).map(long).collect();
    let bytes = written(&entries, &State::Empty, whole(), false);
    let (back, reader) = read(&bytes[..bytes.len() - 60]);
    assert!(!back.is_empty(), "{:?}", reader.damage());
    assert!(reader.damage().unwrap().contains("is cut off"), "{:?}", reader.damage());
    back.iter().zip(&entries).for_each(|(one, other)| same(other, one));
}

#[test]
fn other_files_are_told_from_captures() {
    let refused = |bytes: &[u8]| Reader::open(bytes, BOUNDS).unwrap_err();
    for foreign in
        [&b""[..], b"{\"samples\":[]}", b"\x1f\x8b\x08\0", &frame(b"{}\n"), b"\x57\x2a\x4d\x18\x04\0\0\0abcd"]
    {
        assert!(matches!(refused(foreign), Refused::Foreign), "{foreign:?}");
    }
    let huge = [&MAGIC.to_le_bytes()[..], &[0xff; 4], b"watcher capture 1\n"].concat();
    assert!(matches!(refused(&huge), Refused::Foreign));
    let two = [preamble(2), frame(b"?")].concat();
    assert!(is_capture(&two));
    assert_eq!(refused(&two).to_string(), "version 2: made by a newer watcher; this one reads 1");
    let head = sound_lines()[0].replace("\"version\":1", "\"version\":2");
    assert!(matches!(refused(&made(&[&head])), Refused::Version(version) if version == "2"));
    for lines in [
        &[][..],
        &["{}"],
        &["{\"t\":\"end\",\"records\":0,\"why\":\"\"}"],
        &["not JSON"],
        &["{\"t\":\"head\",\"version\":1}"],
    ] {
        assert!(matches!(refused(&made(lines)), Refused::Damaged(_)), "{lines:?}");
    }
    // A frame without a checksum is not believed.
    let plain = [preamble(1), zstd::encode_all(sound_lines()[0].as_bytes(), 1).unwrap()].concat();
    assert!(refused(&plain).to_string().contains("has no checksum"));
}

#[test]
fn what_is_unknown_is_passed_over_and_what_is_skippable_skipped() {
    let lines = sound_lines();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let unknown = "{\"t\":\"later\",\"x\":[[[1e400]]]}";
    lines.insert(4, unknown);
    lines.insert(2, unknown);
    let mut bytes = made(&lines);
    bytes.extend([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    let (entries, reader) = read(&bytes);
    assert_eq!((entries.len(), reader.passed_over(), reader.damage(), reader.ended()), (all().len(), 2, None, true));
    let other = sound_lines()[2].replace("alert_began", "new_word");
    let bytes = made(&[&sound_lines()[0], &other]);
    assert!(matches!(&read(&bytes).0[..], [Entry::Event(Event { kind: EventKind::Other, .. })]));
}

#[test]
fn what_is_wrong_ends_reading_there() {
    let lines = sound_lines();
    let (head, state, event) = (lines[0].as_str(), lines[1].as_str(), lines[2].as_str());
    let record = lines.iter().find(|line| line.contains("\"record\"")).unwrap().as_str();
    let end = "{\"t\":\"end\",\"records\":0,\"why\":\"\"}";
    let changed = |from: &str, to: &str| {
        assert!(record.contains(from), "{from}");
        record.replacen(from, to, 1)
    };
    let deep = format!("{{\"t\":\"record\",\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_state =
        format!("{{\"t\":\"event\",\"a\":{}{}}}", "{\"a\":".repeat(9_000), "1".to_owned() + &"}".repeat(9_000));
    let wide = format!("{{\"t\":\"rules\",\"rules\":[{}0]}}", "0,".repeat(600_000));
    let many = changed("\"samples\":[", &format!("\"samples\":[{}", "\"\",".repeat(5_000)));
    let wrong = [
        head.to_owned(),
        state.to_owned(),
        end.replace('0', "1"),
        "{}".into(),
        "[]".into(),
        String::new(),
        "{\"t\":1}".into(),
        "{\"t\":\"event\",\"t\":\"event\"}".into(),
        event.replace("\"cause\"", "\"because\""),
        event.replace("\"seq\":2", "\"seq\":-2"),
        record.replacen("\"seq\":1,", "\"seq\":2,", 1),
        changed("\"seq\":1,", ""),
        changed("\"samples\":[", "\"samples\":[1,"),
        changed("812.5", "1e999"),
        changed("1e300", "NaN"),
        changed("1e300", "null"),
        changed("\"raw\":\"", "\"raw\":{\"base64\":\"?\"},\"_\":\""),
        changed("\"raw\":\"", "\"raw\":{\"as\":\"before\"},\"_\":\""),
        changed("\"alarms\":[", "\"alarms\":[\"nowhere\","),
        changed("\"values\":{", "\"values\":{\"gone\":[null,1],"),
        changed("[\"number\",[0,", "[\"number\",[-1,"),
        changed("\"at\":\"1970", "\"at\":\"x"),
        changed("\"id\":\"req-1\"", "\"id\":\"a\",\"id\":\"b\""),
        deep,
        deep_state,
        wide,
        many,
    ];
    for wrong in &wrong {
        let (entries, reader) = read(&made(&[head, state, event, wrong, event]));
        let shown: String = wrong.chars().take(300).collect();
        assert!(reader.damage().is_some_and(|fault| fault.contains("at byte") && fault.len() < 500), "{shown}");
        assert!(entries.len() == 1 && reader.damage().is_some() && !reader.ended(), "{:?}: {shown}", reader.damage());
    }
    let (entries, reader) = read(&made(&[head, state, event, end, event]));
    assert_eq!(
        (entries.len(), reader.damage().map(|text| text.starts_with("something stands behind"))),
        (1, Some(true))
    );
    let garbage = [made(&[head, end]), b"garbage".to_vec()].concat();
    assert!(read(&garbage).1.damage().unwrap().contains("no part of a capture"));
    let twice = [made(&[head, record, record]), frame(b"\xff\n")].concat();
    assert!(read(&twice).1.damage().unwrap().contains("out of order"));
    assert!(read(&[made(&[head]), frame(b"\xff\n")].concat()).1.damage().unwrap().contains("UTF-8"));
}

#[test]
fn a_line_that_was_changed_is_found_out_by_its_sum() {
    let text = unpacked(&written(&all(), &State::Empty, whole(), false));
    let lines: Vec<String> = text.lines().map(|line| line.replace("agent-7", "agent-8")).collect();
    let (entries, reader) = read(&made(&lines.iter().map(String::as_str).collect::<Vec<_>>()));
    assert!(entries.is_empty() && reader.damage().unwrap().contains("not as it was written"));
}

#[test]
fn what_unpacks_to_more_than_allowed_is_left_packed() {
    let head = sound_lines()[0].clone();
    let bomb = zstd::encode_all(io::Read::take(io::repeat(b' '), 400 << 20), 1).unwrap();
    let mut packer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packer.include_checksum(true).unwrap();
    io::copy(&mut io::Read::take(io::repeat(b'\n'), 400 << 20), &mut packer).unwrap();
    let checked = packer.finish().unwrap();
    for bomb in [bomb, checked.clone(), [frame(b"{\"t\":\"?\"}\n"), checked.clone()].concat()] {
        let bytes = [made(&[&head]), bomb].concat();
        let reader = Reader::open(&bytes[..], BOUNDS).map(|mut reader| (reader.by_ref().count(), reader));
        let (count, reader) = reader.unwrap();
        assert!(count == 0 && reader.damage().is_some());
    }
    let bytes = [made(&[&head]), checked].concat();
    let few = Bounds { bytes: 1 << 20, line_bytes: 1 << 10 };
    let reader = Reader::open(&bytes[..], few).unwrap();
    assert!(reader.damage().unwrap().contains("more than is allowed"), "{:?}", reader.damage());
    assert!(matches!(Reader::open(&preamble(1)[..], Bounds { bytes: 0, line_bytes: 0 }), Err(Refused::Damaged(_))));
}

proptest! {
    #[test]
    fn changed_bytes_give_nothing_that_was_not_written(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u32), 1..4),
        flush in any::<bool>(),
    ) {
        let mut bytes = written(&all(), &State::Empty, whole(), flush);
        let (entries, _) = read(&bytes);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Ok(mut reader) = Reader::open(&bytes[..], BOUNDS) {
            let got: Vec<Entry> = reader.by_ref().collect();
            is_prefix(&got, &entries);
        }
    }

    #[test]
    fn changed_lines_never_panic(line in 0..8usize, at in any::<prop::sample::Index>(), with in "[0-9\"\\[\\]{},:a\\-]{0,4}") {
        let mut lines = sound_lines();
        lines.retain(|line| !line.contains("\"seq\":2,"));
        let line = line % lines.len();
        let at = lines[line].floor_char_boundary(at.index(lines[line].len()));
        let to = lines[line].ceil_char_boundary((at + 1).min(lines[line].len()));
        lines[line].replace_range(at..to, &with);
        let bytes = made(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        if let Ok(mut reader) = Reader::open(&bytes[..], BOUNDS) {
            let _ = reader.by_ref().count();
        }
    }
}
