use proptest::prelude::*;

use super::*;
use crate::record::Limits;

/// What is joined, with the records that came of it.
struct Joined {
    joining: Joining,
    maker: Maker,
    closed: Vec<Closed>,
    lines: u64,
}

impl Joined {
    fn new(options: Options) -> Self {
        let maker = Maker::new(Limits::default(), &[]);
        Self { joining: Joining::new(options), maker, closed: Vec::new(), lines: 0 }
    }

    /// Takes a part or a whole record, of a line of its own.
    fn add(&mut self, second: i64, draft: Draft, part: Option<Part>) {
        let line = Bytes::from(format!("line {}", self.lines));
        self.lines += 1;
        self.add_of(&line, second, draft, part);
    }

    /// Takes one that stands in a line with others.
    fn add_of(&mut self, line: &Bytes, second: i64, draft: Draft, part: Option<Part>) {
        let origin = Origin { offset: self.lines, ..Origin::nowhere() };
        let (closed, maker) = (&mut self.closed, &mut self.maker);
        self.joining.come_to(maker, Some(at(second)), &mut |record| closed.push(record));
        self.joining.add(maker, (draft, part), (origin, line), &mut |record| closed.push(record));
    }

    fn finish(mut self) -> Vec<Closed> {
        let closed = &mut self.closed;
        self.joining.finish(&mut self.maker, &mut |record| closed.push(record));
        assert!(self.joining.is_empty() && self.joining.bytes == 0 && self.joining.shared.bytes == 0);
        self.closed
    }

    fn held(&self) -> usize {
        self.joining.bytes + self.joining.shared.bytes
    }

    fn draft(&mut self, fill: impl FnOnce(&mut Entry<'_>)) -> Draft {
        let mut entry = Entry::new(&mut self.maker);
        fill(&mut entry);
        entry.done()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_771_331_600 + second).unwrap()
}

fn part(key: &str, answers: Vec<Answer>, last: bool) -> Option<Part> {
    Some(Part { key: key.into(), answers, last, alone: false })
}

fn says(index: u32, text: &str) -> Answer {
    Answer { index, text: Some(text.into()), done: false, called: false }
}

fn ends(index: u32) -> Answer {
    Answer { index, text: None, done: true, called: false }
}

fn samples(closed: &[Closed]) -> Vec<Vec<&str>> {
    closed.iter().map(|closed| closed.draft.samples.iter().map(|text| &**text).collect()).collect()
}

/// A span without content.
fn span(key: &str) -> Option<Part> {
    Some(Part { key: key.into(), answers: Vec::new(), last: false, alone: true })
}

#[test]
fn answers_stand_in_the_order_of_their_indices() {
    let mut joined = Joined::new(Options::default());
    joined.add(0, Draft::default(), part("stream a", vec![says(2, "c"), says(0, "a")], false));
    joined.add(0, Draft::default(), part("stream a", vec![says(1, "b"), says(0, "A")], false));
    joined.add(0, Draft::default(), part("stream a", vec![ends(0), ends(1), ends(2)], true));
    assert_eq!(samples(&joined.closed), [["aA", "b", "c"]]);
    assert_eq!(&*joined.closed[0].raw, b"line 0\nline 1\nline 2");
    assert_eq!(joined.closed[0].parts.len(), 3);
}

#[test]
fn a_usage_that_comes_first_closes_with_the_last_answer() {
    let mut joined = Joined::new(Options::default());
    joined.add(0, Draft::default(), part("stream a", vec![says(0, "a"), says(1, "b")], true));
    joined.add(0, Draft::default(), part("stream a", vec![ends(0)], false));
    assert!(joined.closed.is_empty());
    joined.add(0, Draft::default(), part("stream a", vec![ends(1)], false));
    assert_eq!(samples(&joined.closed), [["a", "b"]]);
}

#[test]
fn a_key_that_is_used_again_begins_a_record_of_its_own() {
    let mut joined = Joined::new(Options::default());
    for text in ["first", "second"] {
        joined.add(0, Draft::default(), part("stream ", vec![says(0, text)], false));
        joined.add(0, Draft::default(), part("stream ", vec![ends(0)], false));
    }
    // An end that is said twice is one end.
    joined.add(0, Draft::default(), part("stream ", vec![Answer { text: Some(String::new()), ..ends(0) }], true));
    assert_eq!(samples(&joined.finish()), [["first"], ["second"]]);
}

#[test]
fn a_finished_record_waits_two_seconds_and_any_other_the_gap() {
    let mut joined = Joined::new(Options::default());
    joined.add(0, Draft::default(), part("stream done", vec![says(0, "a"), ends(0)], false));
    joined.add(0, Draft::default(), part("stream open", vec![says(0, "b")], false));
    for (second, count) in [(2, 0), (3, 1), (30, 1), (31, 2)] {
        joined.add(second, Draft::default(), None);
        assert_eq!(samples(&joined.closed).iter().flatten().count(), count, "after {second} s");
    }
}

#[test]
fn a_span_waits_for_its_content_only_where_contents_come() {
    let mut joined = Joined::new(Options::default());
    joined.add(0, Draft::default(), span("span a"));
    assert_eq!(joined.closed.len(), 1, "no content has come so far");
    joined.add(1, Draft::default(), part("span b", vec![Answer { text: Some("b".into()), ..ends(0) }], false));
    joined.add(2, Draft::default(), span("span b"));
    joined.add(2, Draft::default(), span("span c"));
    joined.add(3, Draft::default(), part("span c", vec![Answer { text: Some("c".into()), ..ends(0) }], false));
    assert_eq!(joined.closed.len(), 1);
    joined.add(9, Draft::default(), None);
    assert_eq!(samples(&joined.closed)[1..3], [["b"], ["c"]]);
}

#[test]
fn contents_without_spans_soon_wait_no_longer() {
    let mut joined = Joined::new(Options::default());
    let content = |at: usize| part(&format!("span {at}"), vec![Answer { text: Some("a".into()), ..ends(0) }], false);
    for at in 0..ALONE as usize {
        joined.add(0, Draft::default(), content(at));
    }
    joined.add(31, Draft::default(), content(100));
    joined.add(34, Draft::default(), None);
    assert_eq!(samples(&joined.closed).iter().flatten().count(), ALONE as usize + 1);
}

#[test]
fn a_number_in_every_part_leaves_room_for_those_that_come_last() {
    let mut joined = Joined::new(Options::default());
    for at in 0..2_000 {
        let draft = joined.draft(|entry| entry.number(&["elapsed"], f64::from(at)));
        joined.add(0, draft, part("stream a", vec![says(0, "a")], false));
    }
    let draft = joined.draft(|entry| entry.number(&["metrics", "total_tokens"], 7.0));
    joined.add(0, draft, part("stream a", vec![ends(0)], true));
    let numbers = &joined.closed[0].draft.numbers;
    assert!(numbers.iter().any(|(name, value)| (name.as_str(), *value) == ("metrics.total_tokens", 7.0)));
    assert!(joined.closed[0].draft.truncated);
}

#[test]
fn numbers_that_differ_are_all_kept_and_labels_stay_as_they_were_first() {
    let mut joined = Joined::new(Options::default());
    for (number, label) in [(1.0, "a"), (2.0, "b"), (1.0, "c")] {
        let draft = joined.draft(|entry| {
            entry.number(&["metrics", "temp"], number);
            entry.label(&["model"], label);
        });
        joined.add(0, draft, part("stream a", vec![says(0, "a")], false));
    }
    let closed = joined.finish();
    assert_eq!(closed[0].draft.numbers.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [1.0, 2.0]);
    assert_eq!(closed[0].draft.labels.iter().map(|(_, value)| &**value).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_line_with_parts_of_many_records_is_held_once() {
    let line = Bytes::from(vec![b'x'; 1 << 20]);
    let mut joined = Joined::new(Options::default());
    for round in 0..2 {
        for at in 0..300 {
            joined.add_of(&line, 0, Draft::default(), part(&format!("span {at}"), vec![says(round, "a")], false));
        }
    }
    assert!(joined.closed.is_empty() && joined.held() < 2 << 20, "{} bytes", joined.held());
    let closed = joined.finish();
    assert!(closed.iter().all(|one| one.raw.as_ptr() == closed[0].raw.as_ptr() && one.raw == line));
}

#[test]
fn what_is_open_has_a_bound_whatever_it_is_made_of() {
    let options = Options { bytes: 1 << 20, ..Options::default() };
    for kind in 0..3 {
        let mut joined = Joined::new(options.clone());
        for at in 0..1_000u32 {
            let key = if kind == 0 { format!("stream {at}{}", "k".repeat(5_000)) } else { format!("stream {at}") };
            let draft = joined.draft(|entry| match kind {
                1 => entry.prompt(&format!("{at}{}", "p".repeat(5_000))),
                2 => (0..200).for_each(|n| entry.number(&[&format!("{at}.{n}{}", "n".repeat(300))], 1.0)),
                _ => {}
            });
            joined.add(0, draft, part(&key, vec![says(0, "a")], false));
            assert!(joined.held() <= 1 << 20);
        }
        assert!(joined.closed.len() > 100, "kind {kind}: {}", joined.closed.len());
    }
}

#[test]
fn past_the_bound_the_oldest_is_closed() {
    let mut joined = Joined::new(Options { open: 2, ..Options::default() });
    for key in ["a", "b", "c"] {
        joined.add(0, Draft::default(), part(&format!("stream {key}"), vec![says(0, key)], false));
    }
    assert_eq!(samples(&joined.closed), [["a"]]);
    assert_eq!(samples(&joined.finish()), [["a"], ["b"], ["c"]]);
}

#[test]
fn members_of_a_group_are_joined_by_count_or_gap() {
    let group = Group { by: "prompt".into(), count: 2, gap: SignedDuration::from_secs(5) };
    let mut joined = Joined::new(Options { group: Some(group), ..Options::default() });
    for (second, prompt, text) in [(0, "p", "a"), (1, "q", "b"), (2, "p", "c"), (9, "q", "d"), (10, "", "alone")] {
        let draft = joined.draft(|entry| {
            if !prompt.is_empty() {
                entry.prompt(prompt);
            }
            entry.sample(text);
        });
        joined.add(second, draft, None);
    }
    assert_eq!(samples(&joined.finish()), [vec!["a", "c"], vec!["b"], vec!["alone"], vec!["d"]]);
}

#[test]
fn one_stream_of_many_chunks_takes_time_in_proportion() {
    let mut joined = Joined::new(Options::default());
    for at in 0..100_000i64 {
        joined.add(at / 100, Draft::default(), part("stream a", vec![says(0, "word ")], false));
    }
    let closed = joined.finish();
    assert_eq!((closed.len(), closed[0].parts.len()), (1, 100_000));
    assert!(closed[0].draft.truncated && closed[0].draft.samples[0].len() == 64 << 10);
}

proptest! {
    #[test]
    fn every_text_is_in_one_record_at_its_place(steps in prop::collection::vec((0u8..4, 0u32..3, 0i64..12, any::<bool>()), 1..80), open in 1usize..5) {
        let mut joined = Joined::new(Options { open, ..Options::default() });
        let mut second = 0;
        for (at, (key, index, by, last)) in steps.iter().enumerate() {
            second += by;
            let answer = Answer { done: *last, ..says(*index, &format!("{key}.{index}.{at:03} ")) };
            joined.add(second, Draft::default(), part(&format!("stream {key}"), vec![answer], *last));
        }
        let closed = joined.finish();
        let mut words: Vec<String> = Vec::new();
        for sample in samples(&closed).into_iter().flatten() {
            let of = &sample[..4];
            prop_assert!(sample.split_whitespace().all(|word| word.starts_with(of)), "{}", sample);
            prop_assert!(sample.split_whitespace().is_sorted());
            words.extend(sample.split_whitespace().map(|word| word[4..].to_owned()));
        }
        words.sort();
        let all: Vec<String> = (0..steps.len()).map(|at| format!("{at:03}")).collect();
        prop_assert_eq!(words, all);
        prop_assert_eq!(closed.iter().map(|closed| closed.parts.len()).sum::<usize>(), steps.len());
    }
}
