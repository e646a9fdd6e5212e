//! Single cases of what can happen to a log; `model` tries them in all orders.

use std::fs;
use std::io::Write;

use super::*;
use crate::source::Span;

struct Bench {
    dir: tempfile::TempDir,
    ledger: Ledger,
    now: Duration,
    tail: Tail,
    seen: Vec<(String, Option<u64>)>,
}

fn options(from: From, follow: bool) -> Options {
    Options { from, follow, line_bytes: 1000, unpacked_bytes: 1 << 24 }
}

impl Bench {
    fn new(from: From, follow: bool, text: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let tail = Tail::new(path, "log".into(), options(from, follow));
        Self { dir, ledger: Ledger::default(), now: Duration::ZERO, tail, seen: vec![] }
    }

    fn append(&self, text: &str) {
        let path = self.dir.path().join("log");
        fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Looks until nothing more is found; the new lines.
    fn lines(&mut self) -> (Vec<String>, Look) {
        loop {
            let mut got = Vec::new();
            self.now += Duration::from_millis(100);
            let look = self.tail.look(self.now, &mut self.ledger, |_, cut| {
                let text = |l: &Span| String::from_utf8_lossy(&cut.data[l.start..l.end]).into();
                got.extend(cut.lines.iter().map(|l| (text(l), l.line)));
            });
            self.seen.extend(got);
            if look != Look::More {
                return (std::mem::take(&mut self.seen).into_iter().map(|(line, _)| line).collect(), look);
            }
        }
    }
}

#[test]
fn follows_what_is_appended_and_waits_for_the_newline() {
    let mut bench = Bench::new(From::Start, true, None);
    assert!(matches!(bench.lines().1, Look::Waiting(why) if why.contains("does not exist")));
    bench.append("a\nb");
    assert_eq!(bench.lines(), (vec!["a".into()], Look::Idle));
    bench.append("c\n");
    assert_eq!(bench.lines().0, ["bc"]);
}

#[test]
fn starts_where_it_was_told() {
    let text = "1\n2\n3\n4\npart";
    for (from, want) in [(From::Start, 4), (From::End, 0), (From::Last(2), 2), (From::Last(99), 4)] {
        let mut bench = Bench::new(from, true, Some(text));
        assert_eq!(bench.lines().0.len(), want, "{from:?}");
        bench.append("ial\n");
        assert_eq!(bench.lines().0, ["partial"], "{from:?}");
    }
    let mut bench = Bench::new(From::Last(1), true, Some(text));
    bench.tail.look(Duration::ZERO, &mut bench.ledger, |_, cut| assert_eq!(cut.lines[0].line, Some(4)));
}

#[test]
fn a_replay_ends_and_needs_no_last_newline() {
    let mut bench = Bench::new(From::Start, false, Some("a\nb"));
    assert_eq!(bench.lines(), (vec!["a".into(), "b".into()], Look::Ended));
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_start() {
    let mut bench = Bench::new(From::End, true, Some("old\n"));
    assert!(bench.lines().0.is_empty());
    bench.append("late\n");
    fs::rename(bench.dir.path().join("log"), bench.dir.path().join("log.1")).unwrap();
    bench.append("new\n");
    assert_eq!(bench.lines().0, ["late", "new"]);
}

#[test]
fn a_writer_that_does_not_know_of_the_rotation_is_still_heard() {
    let mut bench = Bench::new(From::Start, true, Some("old\n"));
    let path = bench.dir.path().join("log");
    let mut writer = fs::OpenOptions::new().append(true).open(&path).unwrap();
    assert_eq!(bench.lines().0, ["old"]);
    fs::rename(&path, bench.dir.path().join("log.1")).unwrap();
    bench.append("new\n");
    assert_eq!(bench.lines().0, ["new"]);
    writer.write_all(b"late\nlast without end").unwrap();
    assert_eq!(bench.lines().0, ["late"]);
    let rest: Vec<String> = (0..620).flat_map(|_| bench.lines().0).collect();
    assert_eq!(rest, ["last without end"]);
    assert!(bench.tail.former.is_empty());
}

#[test]
fn a_file_that_was_cut_short_starts_anew() {
    let mut bench = Bench::new(From::Start, true, Some("a long line\n"));
    assert_eq!(bench.lines().0.len(), 1);
    fs::write(bench.dir.path().join("log"), "b\n").unwrap();
    assert_eq!(bench.lines().0, ["b"]);
}

#[test]
fn a_file_that_was_rewritten_longer_starts_anew() {
    let mut bench = Bench::new(From::Start, true, Some("first line\n"));
    assert_eq!(bench.lines().0.len(), 1);
    fs::write(bench.dir.path().join("log"), "other line\nand one more\n").unwrap();
    assert_eq!(bench.lines().0, ["other line", "and one more"]);
}

#[test]
fn an_unfinished_first_line_is_waited_for() {
    let mut bench = Bench::new(From::Start, true, Some("{\"a"));
    assert_eq!(bench.lines(), (vec![], Look::Idle));
    bench.append("\":1}\n");
    assert_eq!(bench.lines().0, ["{\"a\":1}"]);
}

#[test]
fn a_folder_is_named_as_such() {
    let mut bench = Bench::new(From::Start, true, None);
    bench.tail.path = bench.dir.path().to_owned();
    assert!(matches!(bench.lines().1, Look::Waiting(why) if why.contains("folder")));
}

#[test]
fn packed_files_are_read_whole() {
    let text = "one\ntwo\nthree";
    for (follow, want) in [(true, Look::Idle), (false, Look::Ended)] {
        let mut bench = Bench::new(From::Start, follow, None);
        let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
        fs::write(bench.dir.path().join("log"), packed).unwrap();
        assert_eq!(bench.lines(), (vec!["one".into(), "two".into(), "three".into()], want));
        assert_eq!(bench.lines().0, [""; 0]);
    }
}

#[test]
fn two_rotations_between_two_looks_lose_nothing() {
    let mut bench = Bench::new(From::Start, true, Some("first\n"));
    let path = |name: &str| bench.dir.path().join(name);
    let (log, one, two) = (path("log"), path("log.1"), path("log.2"));
    assert_eq!(bench.lines().0, ["first"]);
    bench.append("more\n");
    fs::rename(&log, &two).unwrap();
    bench.append("between\n");
    fs::rename(&log, &one).unwrap();
    bench.append("now\n");
    assert_eq!(bench.lines().0, ["more", "between", "now"]);
}

#[test]
fn the_rest_of_a_file_that_was_copied_and_cut_short_is_read_from_the_copy() {
    let mut bench = Bench::new(From::Start, true, Some("{\"n\":1}\n{\"n\":2}\n"));
    let path = |name: &str| bench.dir.path().join(name);
    let (log, one) = (path("log"), path("log.1"));
    assert_eq!(bench.lines().0.len(), 2);
    bench.append("{\"n\":3}\n{\"n\":");
    fs::copy(&log, &one).unwrap();
    fs::write(&log, "").unwrap();
    bench.append("{\"n\":5}\n");
    assert_eq!(bench.lines().0, ["{\"n\":3}", "{\"n\":5}"]);
    let rest: Vec<String> = (0..620).flat_map(|_| bench.lines().0).collect();
    assert_eq!(rest, ["{\"n\":"], "the unfinished line is not lost either");
}

/// A log that is cut short and begins again with the same line is another one, at once.
#[test]
fn a_new_beginning_that_is_like_the_old_one_does_not_wait_for_the_copy() {
    let mut bench = Bench::new(From::Start, true, Some("{\"start\":1}\n{\"n\":2}\n"));
    let path = |name: &str| bench.dir.path().join(name);
    let (log, one, two) = (path("log"), path("log.1"), path("log.2"));
    assert_eq!(bench.lines().0.len(), 2);
    fs::copy(&log, &one).unwrap();
    fs::write(&log, "{\"start\":1}\n{\"n\":3}\n").unwrap();
    assert_eq!(bench.lines().0, ["{\"start\":1}", "{\"n\":3}"]);
    bench.append("{\"n\":4}\n");
    fs::rename(&one, &two).unwrap();
    fs::copy(&log, &one).unwrap();
    fs::write(&log, "{\"start\":1}\n").unwrap();
    assert_eq!(bench.lines().0, ["{\"n\":4}", "{\"start\":1}"]);
}

/// While a file is being packed beside the log it can't be told what it is: it is not read as if it were new.
#[test]
fn a_copy_that_is_being_written_is_waited_for() {
    let text: String = (0..4_000).map(|n| format!("{{\"n\":{n},\"x\":\"{}\"}}\n", n * 7_919 % 10_007)).collect();
    let mut bench = Bench::new(From::Start, true, Some(&text));
    let path = |name: &str| bench.dir.path().join(name);
    let (log, one, packed) = (path("log"), path("log.1"), path("log.1.zst"));
    assert_eq!(bench.lines().0.len(), 4_000);
    fs::rename(&log, &one).unwrap();
    let whole = zstd::encode_all(text.as_bytes(), 1).unwrap();
    fs::write(&packed, &whole[..whole.len() / 2]).unwrap();
    bench.append("{\"n\":\"new\"}\n");
    assert_eq!(bench.lines().0, ["{\"n\":\"new\"}"]);
    fs::write(&packed, &whole).unwrap();
    fs::remove_file(&one).unwrap();
    assert_eq!(bench.lines().0, [""; 0]);
}

#[test]
fn files_whose_lines_are_all_alike_are_told_apart() {
    let beat = "{\"beat\":1}\n";
    let mut bench = Bench::new(From::Start, true, Some(&beat.repeat(30)));
    let path = |name: &str| bench.dir.path().join(name);
    let (log, one, two) = (path("log"), path("log.1"), path("log.2"));
    assert_eq!(bench.lines().0.len(), 30);
    fs::rename(&log, &two).unwrap();
    bench.append(&beat.repeat(20));
    fs::rename(&log, &one).unwrap();
    bench.append(&beat.repeat(5));
    assert_eq!(bench.lines().0.len(), 25);
}

#[test]
fn a_link_that_is_switched_is_followed() {
    let mut bench = Bench::new(From::Start, true, None);
    let path = |name: &str| bench.dir.path().join(name);
    let (log, a, b) = (path("log"), path("a"), path("b"));
    fs::write(&a, "a1\n").unwrap();
    fs::write(&b, "b1\n").unwrap();
    std::os::unix::fs::symlink(&a, &log).unwrap();
    assert_eq!(bench.lines().0, ["a1"]);
    bench.append("a2\n");
    fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&b, &log).unwrap();
    assert_eq!(bench.lines().0, ["a2", "b1"]);
}

#[test]
fn files_beside_the_log_are_no_part_of_it() {
    let mut bench = Bench::new(From::Start, true, Some("one\n"));
    let path = |name: &str| bench.dir.path().join(name);
    let (log, one, old, lock) = (path("log"), path("log.1"), path("log.7"), path("log.lock"));
    fs::write(&old, "from before\n").unwrap();
    assert_eq!(bench.lines().0, ["one"]);
    fs::rename(&log, &one).unwrap();
    fs::write(&lock, "pid 7\n").unwrap();
    bench.append("two\n");
    assert_eq!(bench.lines().0, ["two"]);
}

#[test]
fn a_rewrite_with_the_same_first_line_is_noticed_by_the_last() {
    let mut bench = Bench::new(From::Start, true, Some("heading\nold\n"));
    assert_eq!(bench.lines().0.len(), 2);
    fs::write(bench.dir.path().join("log"), "heading\nnew\nmore\n").unwrap();
    assert_eq!(bench.lines().0, ["heading", "new", "more"]);
}
