//! `watcher alert`: whether those who are to be told of alerts can be reached, and what is silenced.

use std::fs;
use std::time::Duration;

use super::couriers::{Couriers, test_notice};
use super::setup::Setup;
use super::{Failure, note_line, say};
use crate::clock::{SharedClock, SystemClock};
use crate::message::notice::Courier;
use crate::message::silences::Silences;
use crate::sanitize;

/// A test waits for its targets so long at most: longer than one of them may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// `watcher alert test [TARGET...]`
pub(super) fn test(setup: &Setup, wanted: &[String]) -> Result<(), Failure> {
    let clock: SharedClock = SystemClock::shared();
    let couriers = Couriers::start(setup, &clock)?;
    let known = couriers.names();
    if known.is_empty() {
        let text = "there is no target to test: name some under `targets` in the configuration (watcher config show)";
        return Err(Failure::Usage(text.into()));
    }
    let name = |name: &String| {
        let found = known.iter().find(|known| ***known == **name).cloned();
        found.ok_or_else(|| {
            let near = crate::yaml::did_you_mean(name, known.iter().map(|known| &**known)).unwrap_or_default();
            Failure::Usage(format!("there is no target `{name}`: {near}"))
        })
    };
    let targets = if wanted.is_empty() { known.clone() } else { wanted.iter().map(name).collect::<Result<_, _>>()? };
    let rings = couriers.send(&test_notice(clock.now(), targets.clone()));
    if rings.bell {
        note_line("\x07bell: rung");
    }
    if let Some(title) = &rings.title {
        note_line(&format!("\x1b]9;{}\x07osc9: shown, if this terminal shows such", sanitize::line(title)));
    }
    couriers.finish(PATIENCE);
    let mut failed = false;
    for report in couriers.report().into_iter().filter(|report| targets.contains(&report.name)) {
        let name = sanitize::line(&report.name).into_owned();
        match (report.sent, report.last_error) {
            (1.., _) => say(&format!("{name}: delivered\n"))?,
            (0, why) => {
                failed = true;
                let why = why.unwrap_or_else(|| "it took too long".to_owned());
                say(&format!("{name}: not delivered: {}\n", sanitize::line(&why)))?;
            }
        }
    }
    if failed { Err(Failure::Findings) } else { Ok(()) }
}

/// `watcher alert list`
pub(super) fn list(setup: &Setup) -> Result<(), Failure> {
    let Some(paths) = &setup.paths else { return say("there is no home, so nothing is silenced\n") };
    let path = paths.state.join("silences.json");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::Input(format!("{}: {error}", path.display()))),
    };
    let silences = Silences::parse(&text).map_err(|why| Failure::Input(format!("{}: {why}", path.display())))?;
    let now = SystemClock::shared().now();
    let mut active: Vec<_> = silences.active(now).collect();
    active.sort_by_key(|silence| silence.until);
    if active.is_empty() {
        return say("nothing is silenced\n");
    }
    let line = |text: &str| sanitize::line(text).into_owned();
    let shown = |silence: &&crate::message::silences::Silence| {
        let label = silence.label.iter().map(|(path, value)| format!(" {path}={value}")).collect::<String>();
        let said = format!("{} {}{label}", silence.cause, silence.key);
        line(&format!("until {:.0}  {said}  by {}  {}", silence.until, silence.who, silence.reason))
    };
    let lines: Vec<String> = active.iter().map(shown).collect();
    say(&(lines.join("\n") + "\n"))
}

/// Who a silence made here would be by.
pub(super) fn who() -> String {
    crate::pipeline::who()
}

/// The rules' own targets that the configuration does not know.
pub(super) fn unknown_targets(setup: &Setup, rules: &crate::rules::RuleSet) -> Vec<String> {
    let known = |name: &str| setup.config.notify.target(name).is_some();
    let mut unknown: Vec<String> = Vec::new();
    for rule in &rules.rules {
        for name in rule.notify.iter().filter(|name| !known(name)) {
            unknown.push(format!("{}: there is no target `{name}` in the configuration: nobody is told", rule.id));
        }
    }
    unknown
}
