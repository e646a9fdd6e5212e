//! What a person or another program is told of an alert, in the shapes in which it leaves the process.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::history::Row;
use crate::record::Record;
use crate::sanitize;
use crate::verdict::Severity;

/// Version of [`Notice::json`].
const VERSION: u64 = 1;

/// Shortest text that counts as quoted, bytes.
const QUOTED: usize = 4;

/// What Alertmanager writes where an alert has not ended.
const NOT_ENDED: &str = "0001-01-01T00:00:00Z";

/// What has happened to the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// It fires.
    Firing,
    /// It is over.
    Resolved,
}

impl NoticeKind {
    /// The word that is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// Something to tell of an alert.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What has happened.
    pub kind: NoticeKind,
    /// A rule's id, or `@…`.
    pub cause: Arc<str>,
    /// Whose behaviour it is; empty for what belongs to nobody.
    pub key: Arc<str>,
    /// The worst so far.
    pub severity: Severity,
    /// Since when the alert lasts.
    pub since: Timestamp,
    /// When this is told; of a resolved one, its end.
    pub at: Timestamp,
    /// How often since then.
    pub count: u64,
    /// The newest case, in words. It may quote an answer.
    pub text: String,
    /// Notices that were held back before this one.
    pub held_back: u64,
    /// What the program does: `LIVE`, `DEMO`, `REPLAY`.
    pub mode: Arc<str>,
    /// Who is told.
    pub targets: Vec<Arc<str>>,
    /// The record that it is about, where there is one.
    pub row: Option<Row>,
}

/// What a terminal does about a notice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rings {
    /// It rings its bell.
    pub bell: bool,
    /// It shows this (OSC 9).
    pub title: Option<String>,
}

/// How a target fares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetReport {
    /// Its name.
    pub name: Arc<str>,
    /// Notices that are on their way.
    pub waiting: u64,
    /// Delivered.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// Why the last attempt that failed did.
    pub last_error: Option<String>,
}

/// Takes notices to whoever is to hear of them; it never waits for anybody.
pub trait Courier: Send {
    /// Takes one; what is left for the terminal to do.
    fn send(&self, notice: &Notice) -> Rings;

    /// How the targets fare.
    fn report(&self) -> Vec<TargetReport>;
}

impl PartialEq for Notice {
    fn eq(&self, other: &Self) -> bool {
        // The place of the record says which it is; what was found in it goes with it.
        let place = |notice: &Self| notice.row.as_ref().map(|row| (row.record.seq, row.record.origin.clone()));
        let words = |notice: &Self| (notice.text.clone(), Arc::clone(&notice.mode), notice.targets.clone());
        (self.kind, self.severity, self.since, self.at, self.count, self.held_back)
            == (other.kind, other.severity, other.since, other.at, other.count, other.held_back)
            && (&self.cause, &self.key) == (&other.cause, &other.key)
            && words(self) == words(other)
            && place(self) == place(other)
    }
}

impl Notice {
    /// One line that a terminal can be given: `CRIT max-loss agent-7`. It quotes nothing.
    pub fn title(&self) -> String {
        let word = match (self.kind, self.severity) {
            (NoticeKind::Resolved, _) => "RESOLVED",
            (_, Severity::Critical) => "CRIT",
            (_, Severity::Warning) => "WARN",
            (_, Severity::Info) => "INFO",
        };
        let gap = if self.key.is_empty() { "" } else { " " };
        format!("{word} {}{gap}{}", sanitize::line(&self.cause), sanitize::line(&self.key))
    }

    /// The text, or what of it quotes no answer.
    pub fn words(&self, quoting: bool) -> &str {
        if quoting {
            return &self.text;
        }
        if self.quotes() {
            return "";
        }
        if !self.cause.starts_with('@') {
            return &self.text;
        }
        // The engines put what an answer says between quotation marks.
        let plain = self.text.split(['“', '"', '«']).next().unwrap_or_default();
        if plain.len() == self.text.len() { plain } else { plain.trim_end_matches([' ', ':', ',', ';']) }
    }

    /// Whether what the program wrote before the first quotation mark, or the message of a rule, has an answer in it.
    fn quotes(&self) -> bool {
        let Some(row) = &self.row else { return false };
        let text = match self.cause.starts_with('@') {
            true => self.text.split(['“', '"', '«']).next().unwrap_or_default(),
            false => &self.text,
        };
        let texts = row.record.samples.iter().chain(&row.record.prompt).map(|text| text.trim());
        texts.filter(|found| found.len() >= QUOTED).any(|found| text.contains(found))
    }

    /// The program's own shape. With `quoting` the words may quote answers; with `text` the record's prompt and answers
    /// go along.
    pub fn json(&self, quoting: bool, text: Option<&Record>) -> Value {
        let record = self.row.as_ref().map(|row| {
            let record = &row.record;
            json!({
                "id": *record.id,
                "source": *record.origin.source,
                "offset": record.origin.offset,
                "ts": record.ts.or(row.verdict.ts).map(|ts| ts.to_string()),
            })
        });
        let mut out = json!({
            "v": VERSION,
            "status": self.kind.word(),
            "cause": *self.cause,
            "key": *self.key,
            "severity": self.severity.word(),
            "since": self.since.to_string(),
            "at": self.at.to_string(),
            "count": self.count,
            "text": self.words(quoting),
            "held_back": self.held_back,
            "mode": *self.mode,
            "host": host(),
            "record": record,
        });
        if let (Some(record), Some(fields)) = (text, out.as_object_mut()) {
            let samples: Vec<&str> = record.samples.iter().map(|sample| &**sample).collect();
            fields.insert("samples".into(), samples.into());
            fields.insert("prompt".into(), record.prompt.as_deref().into());
        }
        out
    }

    /// The shape that Alertmanager posts to its webhook receivers, version 4, with this one alert in it. Prompts and
    /// answers are never in it.
    pub fn alertmanager(&self, quoting: bool) -> Value {
        let group = json!({ "alertname": *self.cause, "key": *self.key });
        let labels = json!({ "alertname": *self.cause, "key": *self.key, "severity": self.severity.word() });
        let mut annotations = json!({ "summary": self.words(quoting), "host": host(), "mode": *self.mode });
        if let Some(fields) = annotations.as_object_mut().filter(|_| self.held_back > 0) {
            fields.insert("held_back".into(), self.held_back.to_string().into());
        }
        let ends = match self.kind {
            NoticeKind::Firing => NOT_ENDED.to_owned(),
            NoticeKind::Resolved => self.at.to_string(),
        };
        json!({
            "version": "4",
            "groupKey": format!("{{}}:{{alertname={}, key={}}}", Value::from(&*self.cause), Value::from(&*self.key)),
            "truncatedAlerts": 0,
            "status": self.kind.word(),
            "receiver": "watcher",
            "groupLabels": group,
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "alerts": [{
                "status": self.kind.word(),
                "labels": labels,
                "annotations": annotations,
                "startsAt": self.since.to_string(),
                "endsAt": ends,
                "generatorURL": "",
                "fingerprint": self.fingerprint(),
            }],
        })
    }

    /// Which alert it is, whatever its severity: a receiver that keeps alerts by it finds the same one when it gets worse
    /// and when it ends. FNV-1a over names and values, each followed by 0xff, as Prometheus does it.
    fn fingerprint(&self) -> String {
        let parts: [&str; 4] = ["alertname", &self.cause, "key", &self.key];
        let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        format!("{hash:016x}")
    }
}

/// The machine's name.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Origin, Seq};
    use crate::verdict::Verdict;

    fn row(samples: &[&str]) -> Row {
        let record = Record {
            seq: Seq(7),
            id: "r-7".into(),
            ts: Some(Timestamp::UNIX_EPOCH),
            key: "agent-7".into(),
            prompt: Some("the planted question".into()),
            samples: samples.iter().map(|&sample| sample.into()).collect(),
            origin: Origin { source: "live.ndjson".into(), file: "f".into(), offset: 70, line: Some(8), part: 0 },
            ..Record::blank()
        };
        let verdict = Arc::new(Verdict::unjudged(&record));
        Row { record: Arc::new(record), verdict, other: None }
    }

    fn notice(cause: &str, text: &str) -> Notice {
        Notice {
            kind: NoticeKind::Firing,
            cause: cause.into(),
            key: "agent-7".into(),
            severity: Severity::Critical,
            since: Timestamp::UNIX_EPOCH,
            at: Timestamp::from_second(60).unwrap(),
            count: 3,
            text: text.into(),
            held_back: 2,
            mode: "LIVE".into(),
            targets: vec!["pager".into()],
            row: Some(row(&["the planted answer", "ok"])),
        }
    }

    #[test]
    fn a_title_is_one_safe_line() {
        let mut told = notice("max-loss", "");
        assert_eq!(told.title(), "CRIT max-loss agent-7");
        told.key = "a\u{1b}]0;x\u{7}\nb".into();
        assert!(!told.title().contains(['\u{1b}', '\u{7}', '\n']), "{}", told.title());
        (told.kind, told.key) = (NoticeKind::Resolved, "".into());
        assert_eq!(told.title(), "RESOLVED max-loss");
    }

    #[test]
    fn answers_are_quoted_only_where_that_is_asked_for() {
        let found = notice("@disagree", "the answers disagree: risk .81, number: “17” (1) | “18” (2)");
        assert_eq!(found.words(false), "the answers disagree: risk .81, number");
        assert_eq!(found.words(true), found.text);
        let plain = notice("@drift", "latency rose: ");
        assert_eq!(plain.words(false), "latency rose: ");
        // A rule's own quotation marks stay, an answer that it was filled with does not.
        assert_eq!(notice("max-loss", "\"loss\" 12 > 10").words(false), "\"loss\" 12 > 10");
        assert_eq!(notice("max-loss", "said the planted answer").words(false), "");
        assert_eq!(notice("@rejected", "said the planted answer “”").words(false), "");
    }

    #[test]
    fn no_answer_leaves_without_being_asked_for() {
        for cause in ["@disagree", "max-loss"] {
            let told = notice(cause, "the answers disagree: “the planted answer” (1)");
            for shape in [told.json(false, None), told.alertmanager(false)] {
                assert!(!shape.to_string().contains("planted"), "{shape}");
            }
            let asked = told.json(true, Some(&told.row.as_ref().unwrap().record));
            assert_eq!(asked["samples"], json!(["the planted answer", "ok"]));
            assert_eq!(asked["prompt"], "the planted question");
        }
    }

    #[test]
    fn the_own_shape_has_every_field() {
        let told = notice("max-loss", "12 > 10").json(false, None);
        let fields: Vec<&String> = told.as_object().unwrap().keys().collect();
        let mut want = vec![
            "v",
            "status",
            "cause",
            "key",
            "severity",
            "since",
            "at",
            "count",
            "text",
            "held_back",
            "mode",
            "host",
            "record",
        ];
        want.sort_unstable();
        let mut got: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
        got.sort_unstable();
        assert_eq!(got, want);
        assert_eq!(
            told["record"],
            json!({"id": "r-7", "source": "live.ndjson", "offset": 70, "ts": "1970-01-01T00:00:00Z"})
        );
        assert_eq!((&told["severity"], &told["status"]), (&json!("critical"), &json!("firing")));
    }

    #[test]
    fn an_alert_that_got_worse_and_ended_is_still_the_same() {
        let mut told = notice("max-loss", "12 > 10");
        let begun = told.alertmanager(false);
        assert_eq!(begun["alerts"][0]["endsAt"], NOT_ENDED);
        (told.severity, told.kind) = (Severity::Warning, NoticeKind::Resolved);
        let ended = told.alertmanager(false);
        assert_eq!(ended["alerts"][0]["endsAt"], "1970-01-01T00:01:00Z");
        assert_eq!(begun["alerts"][0]["fingerprint"], ended["alerts"][0]["fingerprint"]);
        assert_eq!(begun["groupKey"], ended["groupKey"]);
        assert_eq!(begun["groupKey"], "{}:{alertname=\"max-loss\", key=\"agent-7\"}");
        assert_eq!((&begun["version"], &ended["status"]), (&json!("4"), &json!("resolved")));
    }

    #[test]
    fn notices_of_the_same_record_are_equal() {
        assert_eq!(notice("a", "b"), notice("a", "b"));
        assert_ne!(notice("a", "b"), Notice { row: None, ..notice("a", "b") });
        assert_ne!(notice("a", "b"), notice("a", "c"));
    }
}
