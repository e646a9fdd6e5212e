//! The tail against a model: whatever happens to a log, in whatever order, every line comes exactly once, and what was
//! done before a crash is not done again after it.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::source::ledger::Marks;
use crate::source::{Place, Span};

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    /// So many lines are written.
    Write(usize),
    /// The beginning of a line is written; the next step that writes finishes it.
    Partial,
    /// The log is rotated away by rename, older ones one further.
    Rename,
    /// The writer goes on with the file that was rotated away last. (An empty one is known by nothing after a restart:
    /// what is written to it then does not come.)
    WriteLate,
    /// A copy is made and the log cut short.
    CopyTruncate,
    /// The log is cut short once everything was read.
    Truncate,
    /// The log is removed once everything was read, and made anew.
    Recreate,
    /// The log is written over with as many bytes, once everything was read.
    Rewrite,
    /// So many looks.
    Look(usize),
    /// A checkpoint is made.
    Checkpoint,
    /// The process dies and is started again.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1usize..6).prop_map(Step::Write),
        2 => Just(Step::Partial),
        3 => Just(Step::Rename),
        1 => Just(Step::WriteLate),
        2 => Just(Step::CopyTruncate),
        1 => Just(Step::Truncate),
        1 => Just(Step::Recreate),
        1 => Just(Step::Rewrite),
        5 => (1usize..4).prop_map(Step::Look),
        3 => Just(Step::Checkpoint),
        3 => Just(Step::Crash),
    ]
}

struct World {
    dir: tempfile::TempDir,
    tail: Tail,
    ledger: Ledger,
    /// Lines are numbered in the order of writing.
    next: usize,
    /// A line was begun and not ended.
    open: bool,
    /// A writer may still have the file that was rotated away last.
    late: bool,
    /// Lines that must come.
    written: Vec<String>,
    /// Lines that came, as the last checkpoint has it: what came after it comes again.
    kept: Vec<String>,
    kept_marks: Marks,
    seen: Vec<String>,
    done: HashMap<Arc<str>, Place>,
}

fn tail(dir: &tempfile::TempDir) -> Tail {
    let options = Options { from: From::Checkpoint, follow: true, line_bytes: 1_000, unpacked_bytes: 1 << 20 };
    Tail::new(dir.path().join("log"), "log".into(), options)
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            tail: tail(&dir),
            dir,
            ledger: Ledger::default(),
            next: 0,
            open: false,
            late: false,
            written: Vec::new(),
            kept: Vec::new(),
            kept_marks: Marks::default(),
            seen: Vec::new(),
            done: HashMap::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn length(&self, name: &str) -> usize {
        fs::metadata(self.path(name)).map_or(0, |meta| meta.len() as usize)
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.path(name);
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        self.next += 1;
        let line = format!("{{\"n\":{}}}", self.next);
        self.written.push(line.clone());
        line
    }

    fn write(&mut self, count: usize) {
        for _ in 0..count {
            if std::mem::take(&mut self.open) {
                self.append("log", "}\n");
            } else {
                let line = self.line();
                self.append("log", &(line + "\n"));
            }
        }
    }

    /// Ends a line that was begun: what comes next would cut it in two.
    fn end_line(&mut self) {
        if self.open {
            self.write(1);
        }
    }

    fn look(&mut self) -> Look {
        let mut got = Vec::new();
        let done = &mut self.done;
        let look = self.tail.look(Duration::ZERO, &mut self.ledger, |file, cut| {
            let text = |l: &Span| String::from_utf8_lossy(&cut.data[l.start..l.end]).into_owned();
            got.extend(cut.lines.iter().map(text));
            done.insert(Arc::clone(file), cut.end.clone());
        });
        self.seen.extend(got);
        look
    }

    /// Looks until there is no more.
    fn settle(&mut self) {
        while self.look() == Look::More {}
    }

    fn checkpoint(&mut self) {
        self.kept = self.seen.clone();
        let text = serde_json::to_string(&self.ledger.marks(&self.done)).unwrap();
        self.kept_marks = serde_json::from_str(&text).unwrap();
    }

    fn crash(&mut self) {
        self.tail = tail(&self.dir);
        self.ledger = Ledger::new(self.kept_marks.clone(), &[], &[]);
        self.seen = self.kept.clone();
        self.done.clear();
    }

    fn rotate(&mut self) {
        let mut numbers: Vec<u32> = (1..100).filter(|n| self.path(&format!("log.{n}")).exists()).collect();
        numbers.reverse();
        for n in numbers {
            fs::rename(self.path(&format!("log.{n}")), self.path(&format!("log.{}", n + 1))).unwrap();
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(count) => self.write(*count),
            Step::Partial if !self.open => {
                let line = self.line();
                self.append("log", line.trim_end_matches('}'));
                self.open = true;
            }
            Step::Partial => {}
            Step::Look(count) => (0..*count).for_each(|_| drop(self.look())),
            Step::Checkpoint => self.checkpoint(),
            Step::Crash => self.crash(),
            Step::Rename if self.path("log").exists() => {
                self.end_line();
                self.rotate();
                self.late = true;
                fs::rename(self.path("log"), self.path("log.1")).unwrap();
            }
            Step::WriteLate if self.late && !self.open && self.length("log.1") > 0 => {
                // A writer that has not noticed yet does so before it is forgotten, and before the next rotation.
                self.settle();
                let line = self.line();
                self.append("log.1", &(line + "\n"));
                self.settle();
                self.checkpoint();
            }
            Step::CopyTruncate if self.path("log").exists() => {
                self.end_line();
                self.rotate();
                self.late = false;
                fs::copy(self.path("log"), self.path("log.1")).unwrap();
                fs::write(self.path("log"), "").unwrap();
            }
            Step::Truncate | Step::Recreate | Step::Rewrite if self.path("log").exists() => self.destroy(step),
            Step::Rename | Step::WriteLate | Step::CopyTruncate | Step::Truncate | Step::Recreate | Step::Rewrite => {}
        }
    }

    /// What is destroyed must have been read, and be known to have been, else no program could give it back.
    fn destroy(&mut self, step: &Step) {
        self.end_line();
        self.settle();
        self.checkpoint();
        let path = self.path("log");
        match step {
            Step::Truncate => fs::write(&path, "").unwrap(),
            Step::Recreate => {
                fs::remove_file(&path).unwrap();
                self.write(1);
            }
            _ => {
                let length = self.length("log");
                let line = self.line();
                if line.len() + 1 > length {
                    self.written.pop();
                    return;
                }
                // As many bytes as before: blanks at the end of a line are no part of its record.
                fs::write(&path, format!("{line:<width$}\n", width = length - 1)).unwrap();
            }
        }
    }

    fn check(mut self) {
        self.end_line();
        for _ in 0..3 {
            self.settle();
        }
        let mut seen: Vec<&str> = self.seen.iter().map(|line| line.trim_end()).collect();
        let mut written: Vec<&str> = self.written.iter().map(String::as_str).collect();
        seen.sort_unstable();
        written.sort_unstable();
        assert_eq!(seen, written);
    }
}

proptest! {
    #[test]
    fn every_line_comes_exactly_once(steps in proptest::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        // From the first look on the log is ours.
        world.settle();
        world.checkpoint();
        for step in &steps {
            world.take(step);
        }
        world.check();
    }
}
