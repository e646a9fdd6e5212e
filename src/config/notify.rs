//! Who is told of alerts, and how: `notify` and `targets`. Addresses and commands stand here alone; a rule names a
//! target and no more.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Uri};

use super::set;
use crate::verdict::Severity;
use crate::yaml::{Node, did_you_mean};

/// What stands in place of a secret.
const MASK: &str = "***";

/// Longest name of a target, bytes: what a rule can name.
const NAME_BYTES: usize = 64;

/// Targets that are read.
const MOST_TARGETS: usize = 32;

/// Longest time that one delivery may take.
const LONGEST: Duration = Duration::from_secs(60);

/// The words of `least`.
const SEVERITIES: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("critical", Severity::Critical)];

/// The words of `format`.
const FORMATS: [(&str, WebhookFormat); 2] =
    [("watcher", WebhookFormat::Watcher), ("alertmanager", WebhookFormat::Alertmanager)];

/// The words of `type`.
const TYPES: [(&str, Type); 4] =
    [("bell", Type::Bell), ("osc9", Type::Osc9), ("webhook", Type::Webhook), ("exec", Type::Exec)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bell,
    Osc9,
    Webhook,
    Exec,
}

/// A text that is not to be seen: it is written nowhere unless it is asked for by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// The program's own shape.
    Watcher,
    /// What Alertmanager posts to its receivers.
    Alertmanager,
}

/// How somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetKind {
    /// The terminal's bell.
    Bell,
    /// The terminal's own notifications.
    Osc9,
    /// A server.
    Webhook {
        /// Where; path and query may be secret.
        url: Secret,
        /// What is posted.
        format: WebhookFormat,
        /// With prompts and answers.
        text: bool,
        /// What each request has beside.
        headers: Vec<(String, Secret)>,
        /// Time for one request.
        timeout: Duration,
    },
    /// A command.
    Exec {
        /// The program and its arguments.
        command: Vec<String>,
        /// Time for it and all that it starts.
        timeout: Duration,
    },
}

/// Somebody who can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What rules and `notify` call it.
    pub name: String,
    /// How.
    pub kind: TargetKind,
}

/// What a configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Who is told of what no rule sends elsewhere.
    pub to: Vec<String>,
    /// The mildest that is told.
    pub least: Severity,
    /// What still fires after so long is told again.
    pub repeat: Option<Duration>,
    /// Notices a minute to the same targets.
    pub per_minute: u32,
    /// Whether it is told that an alert is over.
    pub resolved: bool,
    /// Who can be told.
    pub targets: Vec<Target>,
}

impl Default for Notify {
    fn default() -> Self {
        let (to, targets) = (Vec::new(), Vec::new());
        Self { to, least: Severity::Warning, repeat: None, per_minute: 20, resolved: true, targets }
    }
}

impl Notify {
    /// The target of this name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }

    pub(super) fn read(&mut self, root: &Node<'_>) {
        // Names that are at fault themselves are known all the same: one fault is told once.
        let mut named: BTreeSet<String> = self.targets.iter().map(|target| target.name.clone()).collect();
        if let Some(targets) = root.get("targets") {
            let entries = targets.entries();
            if entries.len() > MOST_TARGETS {
                targets.fault(format!("at most {MOST_TARGETS} targets"), None);
            }
            named = entries.iter().map(|(name, _)| (*name).to_owned()).collect();
            let one = |(name, node): &(&str, Node<'_>)| target(name, node);
            self.targets = entries.iter().take(MOST_TARGETS).filter_map(one).collect();
        }
        let Some(notify) = root.get("notify") else { return };
        notify.only(&["to", "least", "repeat", "per_minute", "resolved"]);
        if let Some(to) = notify.get("to").and_then(|n| n.list()) {
            let one = |node: &Node<'_>| {
                let name = node.string()?;
                if named.contains(name) {
                    return Some(name.to_owned());
                }
                let help = did_you_mean(name, named.iter().map(String::as_str));
                let help = help.unwrap_or_else(|| "targets are named under `targets`".into());
                node.fault(format!("there is no target `{}`", crate::record::prefix(name, NAME_BYTES)), Some(help));
                None
            };
            self.to = to.iter().filter_map(one).collect();
        }
        set(&mut self.least, notify.get("least").and_then(|n| n.word(&SEVERITIES)));
        self.repeat = notify.get("repeat").and_then(|n| repeat(&n)).or(self.repeat);
        let most = notify.get("per_minute").and_then(|n| n.whole(1..=1_000));
        set(&mut self.per_minute, most.map(|n| n as u32));
        set(&mut self.resolved, notify.get("resolved").and_then(|n| n.boolean()));
    }

    /// The values in force, to be shown: without what may be secret, so that they can't be read again where there is any.
    pub(super) fn to_yaml(&self) -> String {
        let to: Vec<String> = self.to.iter().map(|name| quoted(name)).collect();
        let mut out = format!(
            "notify:\n  to: [{}]\n  least: {}\n  repeat: {}\n  per_minute: {}\n  resolved: {}\n",
            to.join(", "),
            self.least.word(),
            self.repeat.map_or("null".into(), millis),
            self.per_minute,
            self.resolved,
        );
        if self.targets.is_empty() {
            out.push_str("targets: {}\n");
        } else {
            out.push_str("targets:\n");
            self.targets.iter().for_each(|target| out.push_str(&shown(target)));
        }
        out
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn millis(span: Duration) -> String {
    format!("{}ms", span.as_millis())
}

/// A target as one line of YAML.
fn shown(target: &Target) -> String {
    let kind = match &target.kind {
        TargetKind::Bell => "type: bell".to_owned(),
        TargetKind::Osc9 => "type: osc9".to_owned(),
        TargetKind::Webhook { url, format, text, headers, timeout } => {
            let format = FORMATS.iter().find(|(_, known)| known == format).map_or("", |(word, _)| word);
            let headers: Vec<String> = headers.iter().map(|(name, _)| format!("{}: {MASK:?}", quoted(name))).collect();
            format!(
                "type: webhook, url: {}, format: {format}, text: {text}, headers: {{{}}}, timeout: {}",
                quoted(&masked(url.reveal())),
                headers.join(", "),
                millis(*timeout),
            )
        }
        TargetKind::Exec { command, timeout } => {
            let command: Vec<String> = command.iter().map(|part| quoted(part)).collect();
            format!("type: exec, command: [{}], timeout: {}", command.join(", "), millis(*timeout))
        }
    };
    format!("  {}: {{{kind}}}\n", quoted(&target.name))
}

/// An address without what may be secret in it: what stands before the host, and all behind it.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, behind) = rest.split_at(end);
    let place = place.rsplit_once('@').map_or(place.to_owned(), |(_, host)| format!("{MASK}@{host}"));
    let behind = if matches!(behind, "" | "/") { behind.to_owned() } else { format!("/{MASK}") };
    format!("{scheme}://{place}{behind}")
}

fn target(name: &str, node: &Node<'_>) -> Option<Target> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(plain) {
        let help = format!("letters, digits, `-` and `_`, at most {NAME_BYTES}");
        node.fault_at_key("not a name of a target", Some(help));
        return None;
    }
    let Some(kind) = node.get("type") else {
        // What is no mapping is at fault itself.
        if node.value().is_mapping() || node.entries().is_empty() && node.value().is_null() {
            node.fault_at_key("a target has a `type`", Some("bell, osc9, webhook or exec".into()));
        }
        return None;
    };
    let kind = match kind.word(&TYPES)? {
        Type::Bell => node.only(&["type"]).then_some(TargetKind::Bell),
        Type::Osc9 => node.only(&["type"]).then_some(TargetKind::Osc9),
        Type::Webhook => webhook(node),
        Type::Exec => exec(node),
    };
    Some(Target { name: name.to_owned(), kind: kind? })
}

fn webhook(node: &Node<'_>) -> Option<TargetKind> {
    node.only(&["type", "url", "format", "text", "headers", "timeout"]);
    let url = match node.get("url") {
        Some(at) => at.string().filter(|url| is_url(&at, url)).map(|url| Secret(url.to_owned())),
        None => {
            node.fault_at_key("a webhook has a `url`", Some("such as https://example.com/alerts".into()));
            None
        }
    };
    let mut format = WebhookFormat::Watcher;
    set(&mut format, node.get("format").and_then(|n| n.word(&FORMATS)));
    let text = node.get("text");
    let posts_text = text.as_ref().and_then(|n| n.boolean()).unwrap_or(false);
    if let Some(text) = text.filter(|_| posts_text && format == WebhookFormat::Alertmanager) {
        text.fault("there is no place for texts in what Alertmanager posts", None);
    }
    let header = |(name, at): (&str, Node<'_>)| {
        if HeaderName::try_from(name).is_err() {
            at.fault_at_key("not a name of a header", None);
        }
        let value = at.string()?;
        if HeaderValue::try_from(value).is_err() {
            at.fault("a header has one line without control characters", None);
        }
        Some((name.to_owned(), Secret(value.to_owned())))
    };
    let headers = node.get("headers").map(|n| n.entries()).unwrap_or_default();
    let headers = headers.into_iter().filter_map(header).collect();
    let timeout = timeout(node, Duration::from_secs(5));
    Some(TargetKind::Webhook { url: url?, format, text: posts_text, headers, timeout })
}

fn exec(node: &Node<'_>) -> Option<TargetKind> {
    node.only(&["type", "command", "timeout"]);
    let Some(at) = node.get("command") else {
        let help = "a list of the program and its arguments; no shell looks at them";
        node.fault_at_key("a target of type exec has a `command`", Some(help.into()));
        return None;
    };
    let parts = at.list()?;
    let part = |node: &Node<'_>| {
        let part = node.string()?;
        if part.contains('\0') {
            node.fault("an argument can't have a null character", None);
        }
        Some(part.to_owned())
    };
    let command: Vec<String> = parts.iter().filter_map(part).collect();
    if parts.is_empty() || command.first().is_some_and(String::is_empty) {
        at.fault("there is no program to start", None);
    }
    Some(TargetKind::Exec { command, timeout: timeout(node, Duration::from_secs(10)) })
}

/// Whether it is an address of the web. What is wrong is told without it.
fn is_url(at: &Node<'_>, url: &str) -> bool {
    let parsed = url.parse::<Uri>().ok().filter(|url| url.host().is_some_and(|host| !host.is_empty()));
    let sound = parsed.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")));
    if !sound {
        at.fault("not an address of the web", Some("such as https://example.com/alerts".into()));
    }
    sound
}

fn timeout(node: &Node<'_>, otherwise: Duration) -> Duration {
    let Some(at) = node.get("timeout") else { return otherwise };
    let span = at.time_span();
    if span.is_some_and(|span| !(Duration::from_millis(10)..=LONGEST).contains(&span)) {
        at.fault("expected a span of time from 10ms to 60s", None);
    }
    span.unwrap_or(otherwise)
}

fn repeat(at: &Node<'_>) -> Option<Duration> {
    let span = at.time_span()?;
    if span < Duration::from_secs(60) {
        at.fault("expected a minute or more", None);
    }
    Some(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Doc;

    fn read(text: &str) -> Result<Notify, Vec<String>> {
        let doc = Doc::parse("c.yaml", text).map_err(|fault| vec![fault.to_string()])?;
        let mut notify = Notify::default();
        notify.read(&doc.root());
        doc.finish(notify).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    const WHOLE: &str = "\
notify: {to: [ring, pager, log], least: critical, repeat: 4h, per_minute: 5, resolved: false}
targets:
  ring: {type: bell}
  desk: {type: osc9}
  pager:
    type: webhook
    url: https://ann:hidden@hooks.example.com:8443/hidden/path?token=hidden#hidden
    format: alertmanager
    headers: {Authorization: Bearer hidden}
    timeout: 2s
  log: {type: exec, command: [logger, -t, 'wat\"cher'], timeout: 1m}
";

    #[test]
    fn every_key_is_read() {
        let notify = read(WHOLE).unwrap();
        assert_eq!(
            (&notify.to[..], notify.least),
            (&["ring", "pager", "log"].map(str::to_owned)[..], Severity::Critical)
        );
        assert_eq!((notify.per_minute, notify.resolved), (5, false));
        assert_eq!(notify.repeat, Some(Duration::from_secs(4 * 3_600)));
        assert_eq!(notify.target("desk").map(|target| &target.kind), Some(&TargetKind::Osc9));
        let TargetKind::Webhook { url, format, text, headers, timeout } = &notify.target("pager").unwrap().kind else {
            panic!("no webhook");
        };
        assert!(url.reveal().ends_with("?token=hidden#hidden"));
        assert_eq!((*format, *text, *timeout), (WebhookFormat::Alertmanager, false, Duration::from_secs(2)));
        assert_eq!(headers[0].1.reveal(), "Bearer hidden");
        let TargetKind::Exec { command, timeout } = &notify.target("log").unwrap().kind else { panic!("no command") };
        assert_eq!((command.len(), *timeout), (3, Duration::from_secs(60)));
        assert_eq!(read("{}"), Ok(Notify::default()));
        let null = "notify: {to: null, repeat: null}\ntargets: {}\n";
        assert_eq!(read(null), Ok(Notify::default()));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let notify = read(WHOLE).unwrap();
        let shown = notify.to_yaml();
        assert!(!shown.contains("hidden") && !format!("{notify:?}").contains("hidden"), "{shown}");
        assert!(shown.contains("url: \"https://***@hooks.example.com:8443/***\""), "{shown}");
        assert!(shown.contains("headers: {\"Authorization\": \"***\"}"), "{shown}");
        for (url, want) in [
            ("http://h", "http://h"),
            ("http://h/", "http://h/"),
            ("http://h?t=1", "http://h/***"),
            ("http://u@h:1/p", "http://***@h:1/***"),
            ("http://a:b@c@h/", "http://***@h/"),
        ] {
            assert_eq!(masked(url), want);
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again_where_nothing_is_secret() {
        let text = "notify: {to: [a-1, b], repeat: 90s}\ntargets:\n  a-1: {type: exec, command: [x, '{y}: \"']}\n  b: {type: webhook, url: 'https://h:1/', text: true}\n";
        for notify in [read(text).unwrap(), Notify::default()] {
            assert_eq!(read(&notify.to_yaml()), Ok(notify));
        }
    }

    #[test]
    fn faults_have_places_and_mends() {
        let cases = [
            ("notify: {too: []}", "1:10: unknown key `too` (did you mean `to`?)"),
            ("notify: {least: bad}", "1:17: `bad` is none of info, warning, critical"),
            ("notify: {per_minute: 0}", "1:22: expected a whole number from 1 to 1000, found the number 0"),
            ("notify: {repeat: 5s}", "1:18: expected a minute or more"),
            (
                "notify: {to: [pagr]}\ntargets: {pager: {type: bell}}",
                "1:15: there is no target `pagr` (did you mean `pager`?)",
            ),
            ("notify: {to: [x]}", "1:15: there is no target `x` (targets are named under `targets`)"),
            ("targets: {a: {type: bel}}", "1:21: `bel` is none of bell, osc9, webhook, exec (did you mean `bell`?)"),
            ("targets: {a: {}}", "1:11: a target has a `type` (bell, osc9, webhook or exec)"),
            ("targets: {a: {type: bell, url: x}}", "1:27: unknown key `url` (known here: type)"),
            ("targets: {a: {type: webhook}}", "1:11: a webhook has a `url` (such as https://example.com/alerts)"),
            (
                "targets: {a: {type: webhook, url: 'file:///hidden'}}",
                "1:35: not an address of the web (such as https://example.com/alerts)",
            ),
            (
                "targets: {a: {type: exec}}",
                "1:11: a target of type exec has a `command` (a list of the program and its arguments; no shell looks at them)",
            ),
            ("targets: {a: {type: exec, command: []}}", "1:36: there is no program to start"),
            ("targets: {a: {type: exec, command: [x], timeout: 2m}}", "1:50: expected a span of time from 10ms to 60s"),
            ("targets: {a b: {type: bell}}", "1:11: not a name of a target (letters, digits, `-` and `_`, at most 64)"),
            ("targets: {a: {type: webhook, url: 'http://h/', headers: {'x y': b}}}", "1:58: not a name of a header"),
            (
                "targets: {a: {type: webhook, url: 'http://h/', text: true, format: alertmanager}}",
                "1:54: there is no place for texts in what Alertmanager posts",
            ),
            ("targets: [a]", "1:10: expected a mapping, found a list"),
            ("targets: {a: x}", "1:14: expected a mapping, found the text `x`"),
        ];
        for (text, want) in cases {
            assert_eq!(read(text).unwrap_err(), [format!("c.yaml:{want}")], "{text}");
        }
        // A target that is at fault is there all the same.
        assert_eq!(read("notify: {to: [a]}\ntargets: {a: {type: exec}}").unwrap_err().len(), 1);
    }
}
