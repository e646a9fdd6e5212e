use super::*;
use crate::record::Limits;

/// Reads a text to its end.
fn read_all(text: &[u8], options: Options) -> (Choice, Vec<Found>) {
    let limits = Limits::default();
    let lines: Vec<(usize, &[u8])> = {
        let mut offset = 0;
        text.split(|byte| *byte == b'\n')
            .map(|line| {
                let at = offset;
                offset += line.len() + 1;
                (at, line)
            })
            .filter(|(_, line)| !line.trim_ascii().is_empty())
            .collect()
    };
    let mut sniffer = Sniffer::new(&options, limits.line_bytes);
    let choice = lines.iter().find_map(|(_, line)| sniffer.line(line)).unwrap_or_else(|| sniffer.settle());
    let mut reader = Reader::new(Arc::new(options), Arc::new(choice.clone()), limits.line_bytes);
    let mut maker = Maker::new(limits, &[]);
    let mut found = Vec::new();
    for (offset, line) in lines {
        let origin = Origin { source: "log".into(), file: "f".into(), offset: offset as u64, line: None, part: 0 };
        let line = Line { raw: Bytes::copy_from_slice(line), origin, read_ts: None };
        reader.line(&mut maker, line, &mut |what| found.push(what));
    }
    reader.finish(&mut maker, &mut |what| found.push(what));
    (choice, found)
}

#[test]
fn try_samples() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/formats");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let (choice, found) = read_all(&std::fs::read(&file).unwrap(), Options::default());
        let mut counts = [0; 8];
        let mut example = String::new();
        for what in &found {
            match what {
                Found::Record(record, parts) => {
                    counts[0] += 1;
                    counts[1] += usize::from(record.samples.len() > 1);
                    counts[2] += usize::from(record.latency_ms.is_some());
                    counts[3] += usize::from(parts.as_ref().is_some_and(|parts| parts.len() > 1));
                    counts[7] += usize::from(record.ts.is_some() && record.prompt.is_some());
                    example =
                        format!("{} {} {:?} {:?}", record.id, record.key, record.latency_ms, record.numbers.len());
                }
                Found::Rejected(rejected) => {
                    counts[4] += 1;
                    example = format!("{:?}", rejected);
                }
                Found::NotARecord => counts[5] += 1,
                Found::Skipped(n) => counts[6] += *n as usize,
                Found::Verdict(..) => {}
            }
        }
        println!("{:28} {} | {}", file.file_name().unwrap().to_string_lossy(), choice.title(), choice.why);
        println!(
            "    records {} several {} latency {} joined {} rejected {} not {} skipped {} ts+prompt {} | {example}",
            counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7]
        );
    }
}
