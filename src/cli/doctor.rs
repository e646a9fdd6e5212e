//! `watcher doctor`: what of this machine works, what does not, and what to do about it, a line each.
//!
//! First facts are gathered, then judged: what is said of a machine is a function of the facts alone. Over 500 lines,
//! since each check is a few lines of both, and these belong together.

use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, geteuid, getrlimit};

use super::args::Common;
use super::setup::{self, Setup};
use super::{Failure, runtimes, say};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::config::paths::Paths;
use crate::engine::embedding::select::{self, Choice};
use crate::ui::theme::{Depth, Symbols};
use crate::{humanize, sanitize};

/// The first year in which a clock can be right.
const YEAR: i16 = 2025;

/// Disk that is enough for a long time, and that is not enough for state and logs, bytes.
const DISK: u64 = 1 << 30;
const DISK_LEAST: u64 = 64 << 20;

/// Files that may be open at once: a pattern can match more than fewer allow.
const FILES: u64 = 1_024;

/// Share of inotify's limit from which on it may be used up, per cent.
const WATCHES_PERCENT: u64 = 90;

/// The screen's own size, and the least at which panes are shown beside each other.
const HOME: (u16, u16) = (80, 24);
const LEAST: (u16, u16) = (60, 15);

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Ok,
    /// It works, and could be better.
    Note,
    Fault,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Fault => "fault",
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Ok => Symbols::UNICODE.ok,
            Self::Note => Symbols::UNICODE.warning,
            Self::Fault => Symbols::UNICODE.critical,
        }
    }
}

/// What is said of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    about: &'static str,
    standing: Standing,
    text: String,
    /// What to do.
    todo: Option<String>,
}

fn ok(about: &'static str, text: impl Into<String>) -> Check {
    Check { about, standing: Standing::Ok, text: text.into(), todo: None }
}

fn note(about: &'static str, text: impl Into<String>, todo: &str) -> Check {
    Check { about, standing: Standing::Note, text: text.into(), todo: Some(todo.to_owned()) }
}

fn fault(about: &'static str, text: impl Into<String>, todo: &str) -> Check {
    Check { about, standing: Standing::Fault, text: text.into(), todo: Some(todo.to_owned()) }
}

/// What is known of the machine. What can't be found out is `None`, and nothing is said of it.
#[derive(Debug, Clone)]
struct Facts {
    is_terminal: bool,
    /// Columns and rows.
    size: Option<(u16, u16)>,
    term: String,
    depth: Depth,
    unicode: bool,
    remote: bool,
    /// As configured.
    mouse: Option<bool>,
    watches: Limit,
    instances: Limit,
    backend: Choice,
    /// What the model is called, or why it does not run; `None` where none is needed.
    model: Option<Result<String, String>>,
    /// ONNX Runtime as chosen, and what it can do or why it does not run.
    library: Option<(PathBuf, Result<String, String>)>,
    now: Timestamp,
    /// The wall clock and the one that never goes back agreed while they were looked at.
    steady: bool,
    zone: Option<String>,
    synchronised: Option<bool>,
    /// `None` where there is no home.
    folders: Option<[Folder; 3]>,
    /// Free bytes where the state is kept.
    free: Option<u64>,
    /// The file that was read, if there is one, or what is wrong with it.
    config: Result<Option<PathBuf>, String>,
    /// How many rules, and whether they are the user's own; `None` where the configuration does not say where they are.
    rules: Option<Result<(usize, bool), String>>,
    cores: usize,
    quota: Option<f64>,
    workers: usize,
    /// Files that may be open at once; `None` is no limit.
    files: Option<u64>,
}

/// A limit of the system, and how much of it is used as far as that can be seen.
#[derive(Debug, Clone, Copy, Default)]
struct Limit {
    most: Option<u64>,
    used: u64,
}

/// A folder of watcher's own.
#[derive(Debug, Clone)]
struct Folder {
    about: &'static str,
    path: PathBuf,
    /// Permission bits; `None` if it is not there.
    mode: Option<u32>,
    /// It, or what it would be made in, can be written to.
    writable: bool,
    /// Files in it that others may read, and those they may write.
    readable_by_others: Vec<String>,
    writable_by_others: Vec<String>,
}

/// Runs the command. That something is missing is what it tells, never why it fails.
pub(super) fn run(common: &Common, json: bool) -> Result<(), Failure> {
    let facts = gather(common);
    let checks = checks(&facts);
    let told = if json { as_json(&checks) } else { as_text(&checks, facts.unicode) };
    say(&told)?;
    let faulty = checks.iter().any(|check| check.standing == Standing::Fault);
    if faulty { Err(Failure::Findings) } else { Ok(()) }
}

fn as_text(checks: &[Check], unicode: bool) -> String {
    let mut text = String::new();
    for Check { about, standing, text: said, todo } in checks {
        let symbol = if unicode { format!("{} ", standing.symbol()) } else { String::new() };
        let todo = todo.as_ref().map(|todo| format!("; {todo}")).unwrap_or_default();
        let said = format!("{said}{todo}");
        text.push_str(&format!("{symbol}{:<6}{about:<13}{}\n", standing.word(), sanitize::line(&said)));
    }
    let count = |standing, one: &str| {
        let count = checks.iter().filter(|check| check.standing == standing).count();
        format!("{count} {one}{}", if count == 1 { "" } else { "s" })
    };
    text.push_str(&format!("\n{}, {}\n", count(Standing::Fault, "fault"), count(Standing::Note, "note")));
    text
}

fn as_json(checks: &[Check]) -> String {
    let one = |check: &Check| {
        serde_json::json!({
            "about": check.about,
            "standing": check.standing.word(),
            "text": check.text,
            "todo": check.todo,
        })
    };
    let sound = checks.iter().all(|check| check.standing != Standing::Fault);
    let told = serde_json::json!({ "ok": sound, "checks": checks.iter().map(one).collect::<Vec<_>>() });
    format!("{}\n", sanitize::json(&told.to_string()))
}

/// What is to be said of these facts.
fn checks(facts: &Facts) -> Vec<Check> {
    let mut found = Vec::new();
    found.extend(terminal(facts));
    found.push(inotify(facts));
    found.extend(model(facts));
    found.extend(clock(facts));
    found.extend(folders(facts));
    found.extend(files_read(facts));
    found.extend(machine(facts));
    found
}

fn terminal(facts: &Facts) -> Vec<Check> {
    let term = if facts.term.is_empty() { "no TERM".to_owned() } else { format!("TERM={}", facts.term) };
    let mut found = Vec::new();
    found.push(match facts.size {
        _ if !facts.is_terminal => {
            note("terminal", "standard output is none", "a dashboard needs one; without, use --headless")
        }
        Some((columns, rows)) if columns < LEAST.0 || rows < LEAST.1 => {
            note("terminal", format!("{columns}x{rows}, {term}"), "only one pane fits: make it 80x24 or larger")
        }
        Some((columns, rows)) if columns < HOME.0 || rows < HOME.1 => {
            note("terminal", format!("{columns}x{rows}, {term}"), "from 80x24 on there is more to see")
        }
        Some((columns, rows)) => ok("terminal", format!("{columns}x{rows}, {term}")),
        None => note("terminal", format!("it does not tell its size, {term}"), "try `stty size`"),
    });
    found.push(match facts.depth {
        Depth::True => ok("colours", "all"),
        Depth::Indexed => ok("colours", "256"),
        Depth::Sixteen => note(
            "colours",
            format!("16 ({term})"),
            "if it can show more, set COLORTERM=truecolor, or TERM=xterm-256color",
        ),
        Depth::None => note("colours", "none", "NO_COLOR is set, or TERM=dumb; unset it to have some"),
    });
    found.push(match (facts.unicode, facts.term.as_str()) {
        (true, _) => ok("characters", "Unicode"),
        (false, "linux") => note(
            "characters",
            "ASCII: the Linux console has no others",
            "`symbols: unicode` in the configuration tries them all the same",
        ),
        (false, _) => note(
            "characters",
            "ASCII: the locale is none of UTF-8",
            "set LANG to one that is, such as C.UTF-8, or `symbols: unicode` in the configuration",
        ),
    });
    found.push(match (facts.mouse, facts.remote) {
        (Some(true), _) => ok("mouse", "on, as configured"),
        (Some(false), _) => ok("mouse", "off, as configured"),
        (None, false) => ok("mouse", "on"),
        (None, true) => {
            note("mouse", "off over SSH, tmux and screen", "`mouse: true` in the configuration turns it on")
        }
    });
    found
}

fn inotify(facts: &Facts) -> Check {
    let polled = "files are looked at in turn all the same, only later";
    let (Some(watches), Some(instances)) = (facts.watches.most, facts.instances.most) else {
        return note("inotify", "this system tells no limits of it", polled);
    };
    let number = |count: u64| humanize::number(count as f64);
    let used = |limit: Limit, most| format!("{} of {}", number(limit.used), number(most));
    let text =
        format!("{} watches, {} instances in use", used(facts.watches, watches), used(facts.instances, instances));
    let short = |used: u64, most: u64| used.saturating_mul(100) >= most.saturating_mul(WATCHES_PERCENT);
    let more = |name: &str, most: u64| {
        let wanted = most.saturating_mul(4).max(1_024);
        note("inotify", text.clone(), &format!("`sysctl fs.inotify.{name}={wanted}` allows more; until then {polled}"))
    };
    if short(facts.watches.used, watches) {
        more("max_user_watches", watches)
    } else if short(facts.instances.used, instances) {
        more("max_user_instances", instances)
    } else {
        ok("inotify", text)
    }
}

fn model(facts: &Facts) -> Vec<Check> {
    let mut found = Vec::new();
    found.push(match &facts.model {
        None => ok("model", "none is needed by the configured backend"),
        Some(Ok(label)) => ok("model", format!("{label}: it runs")),
        Some(Err(why)) => fault(
            "model",
            why.clone(),
            "--model takes a folder with model.onnx (or onnx/model.onnx) and tokenizer.json; without it the embedded one is used",
        ),
    });
    let needed = facts.backend == Choice::OnnxRuntime;
    let wanted = matches!(facts.backend, Choice::OnnxRuntime | Choice::Auto);
    found.extend(match &facts.library {
        _ if !wanted => None,
        None if needed => Some(fault("onnxruntime", "no library is chosen", "`watcher setup` finds or installs one")),
        None => Some(ok("onnxruntime", "not in use: the embedded backend compares the answers (`watcher setup`)")),
        Some((path, Ok(how))) => Some(ok("onnxruntime", format!("{}: {how}", path.display()))),
        Some((path, Err(why))) => {
            let text = format!("{} does not run: {why}", path.display());
            let todo = "`watcher setup` shows which do";
            Some(if needed { fault("onnxruntime", text, todo) } else { note("onnxruntime", text, todo) })
        }
    });
    found
}

fn clock(facts: &Facts) -> Vec<Check> {
    let date = facts.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let set = "set it: `timedatectl set-ntp true`";
    let year = facts.now.to_zoned(TimeZone::UTC).year();
    let mut found = vec![match facts.synchronised {
        _ if year < YEAR => fault("clock", format!("it says {date}"), set),
        _ if !facts.steady => {
            note("clock", format!("{date}, and it was moved just now"), "ages may be wrong meanwhile")
        }
        Some(false) => note("clock", format!("{date}, not yet set by the network"), set),
        Some(true) => ok("clock", format!("{date}, set by the network")),
        None => ok("clock", date),
    }];
    found.push(match &facts.zone {
        Some(zone) => ok("time zone", zone.clone()),
        None => note("time zone", "not known: times are shown in UTC", "set TZ, such as TZ=Europe/Berlin"),
    });
    found
}

fn folders(facts: &Facts) -> Vec<Check> {
    let Some(folders) = &facts.folders else {
        return vec![fault("folders", "there is no home directory: nothing is kept", "set HOME")];
    };
    let mut found: Vec<Check> = folders.iter().map(folder).collect();
    found.extend(facts.free.map(|free| {
        let text = format!("{} free for state and logs", humanize::bytes(free));
        match free {
            0..DISK_LEAST => fault("disk", text, "make room, or set XDG_STATE_HOME to another disk"),
            DISK_LEAST..DISK => note("disk", text, "it may run full: reading stops then until there is room"),
            _ => ok("disk", text),
        }
    }));
    found
}

fn folder(folder: &Folder) -> Check {
    let Folder { about, mode, .. } = *folder;
    let path = folder.path.display().to_string();
    // Without the state there are no checkpoints; the others are written to by few commands only.
    let keeps_state = about == "state";
    let listed = |files: &[String]| match files {
        [one] => one.clone(),
        [one, more @ ..] => format!("{one} and {} more", more.len()),
        [] => String::new(),
    };
    let closed = |bits: u32| mode.is_some_and(|mode| mode & bits == 0);
    if !folder.writable {
        let text = format!("{path} can't be {}", if mode.is_some() { "written to" } else { "made" });
        let todo = format!("make it yours: `chown $USER`, or set XDG_{}_HOME", about.to_uppercase());
        return if keeps_state { fault(about, text, &todo) } else { note(about, text, &todo) };
    }
    let Some(mode) = mode else { return ok(about, format!("{path} (not there yet, and can be made)")) };
    // What runs on an alert stands in the configuration.
    if !closed(0o022) {
        return fault(about, format!("{path}: others may write there ({mode:04o})"), &format!("`chmod 700 {path}`"));
    }
    if !folder.writable_by_others.is_empty() && !closed(0o011) {
        let text = format!("{path}: others may write {}", listed(&folder.writable_by_others));
        return fault(about, text, "`chmod 600` them");
    }
    if keeps_state && !folder.readable_by_others.is_empty() {
        let text = format!("{path}: others may read {}", listed(&folder.readable_by_others));
        // In a folder that lets nobody in it does no harm.
        let bare = !closed(0o011);
        return if bare { fault(about, text, "`chmod 600` them") } else { note(about, text, "`chmod 600` them") };
    }
    if keeps_state && !closed(0o077) {
        return note(about, format!("{path}: others may look in ({mode:04o})"), &format!("`chmod 700 {path}`"));
    }
    ok(about, path)
}

fn files_read(facts: &Facts) -> Vec<Check> {
    let config = match &facts.config {
        Ok(Some(file)) => ok("config file", format!("{}: sound", file.display())),
        Ok(None) => ok("config file", "none: all values are built in"),
        Err(why) => fault("config file", why.clone(), "`watcher config show` says all that is wrong"),
    };
    let rules = facts.rules.as_ref().map(|rules| match rules {
        Ok((count, true)) => ok("rules", format!("{} in force", humanize::number(*count as f64))),
        Ok((count, false)) => note(
            "rules",
            format!("{count} that come with watcher, none of your own"),
            "`watcher inspect LOG --starter-rules FILE` writes some that fit a log",
        ),
        Err(why) => fault("rules", why.clone(), "`watcher rules check` says all that is wrong"),
    });
    std::iter::once(config).chain(rules).collect()
}

fn machine(facts: &Facts) -> Vec<Check> {
    let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let mut text = plural(facts.cores, "core");
    if let Some(quota) = facts.quota {
        text += &format!(" (a quota of {})", humanize::short(quota));
    }
    text += &format!(", {}", plural(facts.workers, "embedding worker"));
    let cores = match facts.workers > facts.cores {
        true => note("cores", text, "more workers than cores wait for each other: lower `threads`"),
        false => ok("cores", text),
    };
    let files = match facts.files {
        None => ok("open files", "no limit"),
        Some(most) if most < FILES => {
            let text = format!("{most} at once");
            note("open files", text, "a pattern may match more: raise the hard limit, `ulimit -Hn 65536`")
        }
        Some(most) => ok("open files", format!("{} at once", humanize::number(most as f64))),
    };
    vec![cores, files]
}

/// Asks the machine.
fn gather(common: &Common) -> Facts {
    let paths = Paths::find();
    // Reading the configuration begins a log: how the folders are is looked at before.
    let folders = paths.as_ref().map(|paths| {
        [("config", &paths.config), ("state", &paths.state), ("data", &paths.data)].map(|(a, path)| look_at(a, path))
    });
    let free = paths.as_ref().and_then(|paths| statvfs(existing(&paths.state)?).ok());
    let (setup, config) = match Setup::read(common) {
        Ok(setup) => {
            let file = setup.file.clone();
            (Some(setup), Ok(file))
        }
        Err(failure) => (None, Err(first_line(failure))),
    };
    let rules = setup.as_ref().map(|setup| {
        let rules = setup.rules().map_err(first_line)?;
        Ok((rules.set.rules.len(), rules.path.is_some()))
    });
    let config_in_force = setup.as_ref().map(|setup| &setup.config);
    let (watches, instances) = inotify_in_use();
    let stdout = std::io::stdout();
    let size = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| (size.ws_col, size.ws_row));
    let (now, steady) = look_at_clock(&SystemClock::new());
    Facts {
        is_terminal: stdout.is_terminal(),
        size: size.filter(|(columns, rows)| *columns > 0 && *rows > 0),
        term: std::env::var("TERM").unwrap_or_default(),
        depth: setup::terminal_depth(),
        unicode: setup::terminal_shows_unicode(),
        remote: setup::is_remote(),
        mouse: config_in_force.and_then(|config| config.mouse),
        watches,
        instances,
        backend: config_in_force.map_or(Choice::Auto, |config| config.backend),
        model: try_model(config_in_force, common),
        library: setup.as_ref().and_then(|setup| {
            let library = setup.config.onnxruntime.clone()?;
            let wanted = matches!(setup.config.backend, Choice::OnnxRuntime | Choice::Auto);
            wanted.then(|| (library.clone(), runtimes::try_out(setup, &library)))
        }),
        now,
        steady,
        zone: TimeZone::try_system().ok().and_then(|zone| zone.iana_name().map(str::to_owned)),
        synchronised: synchronised(Path::new("/run/systemd/timesync")),
        folders,
        free: free.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        config,
        rules,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        quota: quota(),
        workers: config_in_force.map_or(1, |config| config.workers(true)),
        files: getrlimit(Resource::Nofile).current,
    }
}

/// The beginning of a report: all of it would not be a line.
fn first_line(failure: Failure) -> String {
    let text = match failure {
        Failure::Usage(text) | Failure::Input(text) => text,
        Failure::Internal(error) => format!("{error:#}"),
        Failure::Findings => String::new(),
    };
    let line = text.lines().map(|line| line.trim_start_matches([' ', '×', '⚠'])).find(|line| !line.is_empty());
    line.unwrap_or("it can't be read").to_owned()
}

/// Loads the model into the embedded backend: that it can be read does not mean that it runs.
fn try_model(config: Option<&Config>, common: &Common) -> Option<Result<String, String>> {
    let backend = config.map_or(Choice::Auto, |config| config.backend);
    if backend.is_cheap() {
        return None;
    }
    let model = config.map_or_else(|| common.model.clone(), |config| config.model.clone());
    let selected = select::select(&select::Options { backend: Choice::Portable, onnxruntime: None, model });
    Some(match selected.warnings.first() {
        None => Ok(selected.label),
        Some(why) => Err(why.clone()),
    })
}

/// The time, and whether the two clocks agree on how long that took.
fn look_at_clock(clock: &dyn Clock) -> (Timestamp, bool) {
    let (before, began) = (clock.now(), clock.elapsed());
    let (after, ended) = (clock.now(), clock.elapsed());
    let (wall, steady) = (after.duration_since(before), ended.saturating_sub(began));
    (after, wall.as_secs_f64() >= 0.0 && (wall.as_secs_f64() - steady.as_secs_f64()).abs() < 1.0)
}

/// Whether systemd has set the clock; `None` where something else, or nothing, does.
fn synchronised(folder: &Path) -> Option<bool> {
    folder.is_dir().then(|| folder.join("synchronized").exists())
}

/// The path, or the nearest folder above it that is there.
fn existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.exists())
}

fn look_at(about: &'static str, path: &Path) -> Folder {
    let meta = fs::metadata(path).ok();
    let place = existing(path).filter(|place| place.is_dir());
    let mut folder = Folder {
        about,
        path: path.to_owned(),
        mode: meta.map(|meta| meta.permissions().mode() & 0o7777),
        writable: place.is_some_and(|place| access(place, Access::WRITE_OK | Access::EXEC_OK).is_ok()),
        readable_by_others: Vec::new(),
        writable_by_others: Vec::new(),
    };
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let Some(meta) = entry.metadata().ok().filter(fs::Metadata::is_file) else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        if meta.permissions().mode() & 0o022 != 0 {
            folder.writable_by_others.push(name.clone());
        }
        if meta.permissions().mode() & 0o044 != 0 {
            folder.readable_by_others.push(name);
        }
    }
    folder.readable_by_others.sort();
    folder.writable_by_others.sort();
    folder
}

/// Watches and instances of this user's processes, as far as they may be looked into.
fn inotify_in_use() -> (Limit, Limit) {
    let limit = |name: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?;
        text.trim().parse().ok()
    };
    let mut watches = Limit { most: limit("max_user_watches"), used: 0 };
    let mut instances = Limit { most: limit("max_user_instances"), used: 0 };
    let user = geteuid().as_raw();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let numbered = process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
        if !numbered || process.metadata().map(|meta| meta.uid()).ok() != Some(user) {
            continue;
        }
        for file in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            if fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == "anon_inode:inotify") {
                let info = process.path().join("fdinfo").join(file.file_name());
                let info = fs::read_to_string(info).unwrap_or_default();
                instances.used += 1;
                watches.used += info.lines().filter(|line| line.starts_with("inotify ")).count() as u64;
            }
        }
    }
    (watches, instances)
}

/// Cores that the control group grants; `None` without a quota.
fn quota() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let own = Path::new("/sys/fs/cgroup").join(group);
    // A group above may grant less.
    let above = own.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup"));
    above.filter_map(|folder| granted(&fs::read_to_string(folder.join("cpu.max")).ok()?)).min_by(f64::total_cmp)
}

/// Cores by a `cpu.max`: µs of each period, or `max`.
fn granted(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which all is well.
    fn sound() -> Facts {
        let folder = |about, path: &str| Folder {
            about,
            path: path.into(),
            mode: Some(0o700),
            writable: true,
            readable_by_others: Vec::new(),
            writable_by_others: Vec::new(),
        };
        Facts {
            is_terminal: true,
            size: Some((160, 45)),
            term: "xterm-256color".into(),
            depth: Depth::True,
            unicode: true,
            remote: false,
            mouse: None,
            watches: Limit { most: Some(65_536), used: 12 },
            instances: Limit { most: Some(128), used: 3 },
            backend: Choice::Auto,
            model: Some(Ok("MiniLM int8 · portable".into())),
            library: None,
            now: "2026-02-17T12:00:00Z".parse().unwrap(),
            steady: true,
            zone: Some("Europe/Berlin".into()),
            synchronised: Some(true),
            folders: Some([folder("config", "/c"), folder("state", "/s"), folder("data", "/d")]),
            free: Some(50 << 30),
            config: Ok(Some("/c/config.yaml".into())),
            rules: Some(Ok((7, true))),
            cores: 8,
            quota: None,
            workers: 7,
            files: Some(65_536),
        }
    }

    /// What is said besides that things are well.
    fn said(change: impl FnOnce(&mut Facts)) -> Vec<String> {
        let mut facts = sound();
        change(&mut facts);
        let bad = checks(&facts).into_iter().filter(|check| check.standing != Standing::Ok);
        bad.map(|c| format!("{} {}: {}; {}", c.standing.word(), c.about, c.text, c.todo.unwrap())).collect()
    }

    fn state(facts: &mut Facts) -> &mut Folder {
        &mut facts.folders.as_mut().unwrap()[1]
    }

    #[test]
    fn a_sound_machine_has_nothing_to_say() {
        assert_eq!(said(|_| {}), Vec::<String>::new());
        let text = as_text(&checks(&sound()), true);
        assert!(text.starts_with("● ok    terminal     160x45, TERM=xterm-256color\n"), "{text}");
        assert!(text.ends_with("\n0 faults, 0 notes\n"), "{text}");
        assert!(as_text(&checks(&sound()), false).is_ascii() || text.contains('·'), "symbols are Unicode's only");
        assert!(as_text(&checks(&sound()), false).starts_with("ok    terminal     "));
    }

    #[test]
    fn poor_terminals_are_notes() {
        let poor = said(|f| {
            (f.size, f.depth, f.unicode, f.remote, f.term) = (Some((40, 10)), Depth::None, false, true, "linux".into());
        });
        let about: Vec<&str> = poor.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(about, ["note terminal", "note colours", "note characters", "note mouse"]);
        let piped = said(|f| f.is_terminal = false);
        assert_eq!(piped, ["note terminal: standard output is none; a dashboard needs one; without, use --headless"]);
        assert!(said(|f| (f.remote, f.mouse) = (true, Some(true))).is_empty(), "what was configured is no news");
    }

    #[test]
    fn inotify_is_a_note_at_most() {
        let full = said(|f| f.instances.used = 120);
        assert_eq!(full.len(), 1);
        assert!(full[0].starts_with("note inotify: 12 of 65,536 watches, 120 of 128 instances in use"), "{full:?}");
        assert!(full[0].contains("sysctl fs.inotify.max_user_instances=1024"), "{full:?}");
        assert!(said(|f| f.watches.most = None)[0].starts_with("note inotify"));
    }

    #[test]
    fn a_model_that_does_not_run_is_a_fault_and_a_library_only_where_it_was_asked_for() {
        assert!(said(|f| f.model = Some(Err("no tokenizer".into())))[0].starts_with("fault model: no tokenizer; "));
        let broken = |backend| said(move |f| (f.backend, f.library) = (backend, Some(("/o".into(), Err("x".into())))));
        assert!(broken(Choice::Auto)[0].starts_with("note onnxruntime: /o does not run: x; "));
        assert!(broken(Choice::OnnxRuntime)[0].starts_with("fault onnxruntime"));
        assert!(broken(Choice::Portable).is_empty());
        assert!(said(|f| f.backend = Choice::OnnxRuntime)[0].starts_with("fault onnxruntime: no library"));
    }

    #[test]
    fn clocks() {
        assert!(said(|f| f.now = Timestamp::UNIX_EPOCH)[0].starts_with("fault clock: it says 1970-01-01T00:00:00Z; "));
        assert!(said(|f| f.synchronised = Some(false))[0].starts_with("note clock"));
        assert!(said(|f| f.synchronised = None).is_empty());
        assert!(said(|f| f.steady = false)[0].contains("moved just now"));
        assert!(said(|f| f.zone = None)[0].starts_with("note time zone"));
        let still = crate::clock::ManualClock::new(Timestamp::UNIX_EPOCH);
        assert_eq!(look_at_clock(&still), (Timestamp::UNIX_EPOCH, true));
    }

    #[test]
    fn folders_that_others_get_into() {
        assert!(said(|f| f.folders = None)[0].starts_with("fault folders"));
        assert!(said(|f| state(f).writable = false)[0].starts_with("fault state: /s can't be written to"));
        assert!(said(|f| (state(f).mode, state(f).writable) = (None, false))[0].contains("/s can't be made"));
        assert!(said(|f| state(f).mode = None).is_empty(), "it is made when it is needed");
        assert!(said(|f| state(f).mode = Some(0o755))[0].starts_with("note state: /s: others may look in (0755)"));
        assert!(said(|f| state(f).mode = Some(0o777))[0].starts_with("fault state: /s: others may write there"));
        let files = |mode| said(move |f| (state(f).mode, state(f).readable_by_others) = (Some(mode), vec!["a".into()]));
        assert!(files(0o700)[0].starts_with("note state: /s: others may read a; "));
        assert!(files(0o755)[0].starts_with("fault state"));
        let data = said(|f| f.folders.as_mut().unwrap()[2].writable = false);
        assert!(data[0].starts_with("note data") && data[0].contains("XDG_DATA_HOME"), "{data:?}");
        let config = said(|f| f.folders.as_mut().unwrap()[0].mode = Some(0o755));
        assert!(config.is_empty(), "a configuration may be read");
        assert!(said(|f| f.free = Some(1 << 20))[0].starts_with("fault disk: 1 MiB free"));
        assert!(said(|f| f.free = Some(512 << 20))[0].starts_with("note disk"));
    }

    #[test]
    fn what_is_in_a_folder_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("state");
        fs::create_dir(&own).unwrap();
        for (name, mode) in [("a", 0o600), ("b", 0o644), ("c", 0o666)] {
            fs::write(own.join(name), "").unwrap();
            fs::set_permissions(own.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(&own, fs::Permissions::from_mode(0o750)).unwrap();
        let found = look_at("state", &own);
        assert_eq!((found.mode, found.writable), (Some(0o750), true));
        assert_eq!(found.readable_by_others, ["b", "c"]);
        assert_eq!(found.writable_by_others, ["c"]);
        let missing = look_at("state", &own.join("x/y"));
        assert_eq!((missing.mode, missing.writable), (None, true));
        assert!(!look_at("state", &own.join("a/y")).writable, "a file is no folder");
    }

    #[test]
    fn configuration_rules_and_machine() {
        assert!(said(|f| f.config = Err("c:1:1: x".into()))[0].starts_with("fault config file: c:1:1: x; "));
        assert!(said(|f| f.rules = Some(Err("r".into())))[0].starts_with("fault rules: r; "));
        assert!(said(|f| f.rules = Some(Ok((7, false))))[0].starts_with("note rules: 7 that come with watcher"));
        assert!(said(|f| f.workers = 9)[0].starts_with("note cores: 8 cores, 9 embedding workers"));
        assert!(said(|f| f.files = Some(256))[0].starts_with("note open files: 256 at once"));
        assert!(said(|f| f.files = None).is_empty());
        let report = Failure::Usage("\n  × c.yaml:1:1: unknown key\n   ╭─[c.yaml]\n".into());
        assert_eq!(first_line(report), "c.yaml:1:1: unknown key");
        assert_eq!((granted("max 100000\n"), granted("150000 100000\n")), (None, Some(1.5)));
    }

    #[test]
    fn programs_get_the_same() {
        let mut facts = sound();
        facts.config = Err("bad \u{1b}[2J".into());
        let text = as_json(&checks(&facts));
        assert!(!text.contains('\u{1b}'));
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["ok"], false);
        let bad: Vec<_> = told["checks"].as_array().unwrap().iter().filter(|c| c["standing"] == "fault").collect();
        assert_eq!(bad.len(), 1);
        assert_eq!((&bad[0]["about"], &bad[0]["text"]), (&"config file".into(), &"bad \u{1b}[2J".into()));
        assert!(!as_text(&checks(&facts), true).contains('\u{1b}'));
    }
}
