//! What the tests share.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use bytes::Bytes;
use serde_json::Value;
use watcher::clock::SystemClock;
use watcher::engine::drift;
use watcher::engine::embedding::pool::{self, Answer, Pool, Ready};
use watcher::pipeline::judge::{Arrival, Judge, Judgement, Setup, Texts};
use watcher::record::native::Parser;
use watcher::record::{Limits, Origin, Record, Seq};
use watcher::rules::RuleSet;
use watcher::rules::schema::{Source, load};
use watcher::verdict::policy::Policy;

/// A file of the repository.
pub fn repo(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder of its own for each test, so that nothing of the machine's user is read or written.
pub struct Home(pub tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program, with this folder as its home.
    pub fn watcher(&self) -> Command {
        let mut command = Command::cargo_bin("watcher").unwrap();
        command.current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command
    }

    /// The program with these arguments, split at spaces; it must end with `code`.
    pub fn run(&self, arguments: &str, code: i32) -> Output {
        let output = self.watcher().args(arguments.split(' ')).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "watcher {arguments}\n{text}");
        output
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The protocol's rules.
pub fn protocol_rules() -> Arc<RuleSet> {
    let text = std::fs::read_to_string(repo("sample-data/rules/watcher-protocol.yaml")).unwrap();
    Arc::new(load(&[Source { name: "protocol".into(), text }]).unwrap())
}

/// Lines to records, numbered from 0.
pub fn parse_all<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Record> {
    let mut parser = Parser::new(Limits::default(), &[]);
    lines
        .enumerate()
        .map(|(index, line)| {
            let origin = Origin {
                source: "test.ndjson".into(),
                file: "0".into(),
                offset: 0,
                line: Some(index as u64 + 1),
                part: 0,
            };
            parser.parse(Seq(index as u64), origin, Bytes::copy_from_slice(line.as_bytes())).unwrap()
        })
        .collect()
}

/// Judges records in order with a backend, without the threads of the pipeline but those of the pool.
pub fn judge_all(records: &[Record], ready: Ready, rules: Arc<RuleSet>, policy: Policy) -> Vec<Judgement> {
    let embedding = (ready.mode, Arc::clone(&ready.name));
    let setup = Setup { rules, policy, drift: drift::Options::default(), embedding, live: false, earlier: None };
    let mut judge = Judge::new(setup, SystemClock::shared());
    let options = pool::Options { cache_bytes: 32 << 20, ..pool::Options::default() };
    let pool = Pool::new(options, false, SystemClock::shared());
    pool.set_ready(ready);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| pool.work(&|event| panic!("embedding: {event:?}")));
        }
        let requests = pool.submit(records);
        let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: false };
        let judged = records
            .iter()
            .zip(requests)
            .map(|(record, request)| {
                let Some(Answer::Texts(texts, ..)) = pool.wait(&request, Duration::ZERO) else {
                    panic!("not embedded")
                };
                judge.judge(record, Texts { features: &texts, earlier: &[], known: None }, arrival)
            })
            .collect();
        pool.close();
        judged
    })
}
