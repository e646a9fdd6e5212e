//! The one table of what an operator can do.

use crate::app::action::Action;
use crate::state::view::Screen::{self, Drift, Health, Overview, Records, Rules};

/// An action as the operator meets it.
pub(super) struct Entry {
    pub action: Action,
    pub name: &'static str,
    pub keys: &'static [&'static str],
    /// A word for the footer; empty when it is not shown there.
    pub footer: &'static str,
    /// On the footer of these screens; of all, if none is named.
    pub screens: &'static [Screen],
    pub help: &'static str,
    pub group: &'static str,
    /// Where it works; everywhere without.
    pub only: Option<Keys>,
}

/// Which keys there are: some mean something in one of them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// What happens now.
    Live,
    /// What has happened.
    Replay,
}

const fn entry(
    group: &'static str,
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> Entry {
    Entry { action, name, keys, footer: "", screens: &[], help, group, only: None }
}

impl Entry {
    const fn live(self) -> Self {
        Self { only: Some(Keys::Live), ..self }
    }

    const fn replay(self) -> Self {
        Self { only: Some(Keys::Replay), ..self }
    }

    /// With a word in the footer.
    const fn word(self, footer: &'static str) -> Self {
        Self { footer, ..self }
    }

    /// With a word in the footer of some screens.
    const fn on(self, footer: &'static str, screens: &'static [Screen]) -> Self {
        Self { footer, screens, ..self }
    }
}

/// Not in the help: it shows that the terminal survives a bug.
pub(super) const HIDDEN: &str = "debug-panic";

const LISTS: &[Screen] = &[Overview, Records];

pub(super) const TABLE: [Entry; 89] = [
    entry("General", Action::Help, "help", &["?", "f1"], "these keys; / looks for one").word("help"),
    entry("General", Action::Palette, "command", &[":", "ctrl-p"], "run a command by its name").word("command"),
    entry("General", Action::Quit, "quit", &["q"], "back; from the overview, end").word("quit"),
    entry("General", Action::QuitNow, "quit-now", &["ctrl-c"], "end at once"),
    entry("General", Action::Suspend, "suspend", &["ctrl-z"], "to the shell; fg comes back"),
    entry("General", Action::Escape, "close", &["esc"], "close, clear, step out; never ends"),
    entry("General", Action::Redraw, "redraw", &["ctrl-l"], "draw everything anew"),
    entry("General", Action::Mask, "mask", &["M"], "hide prompts and answers: lengths, differences and facts stay"),
    entry("General", Action::Mouse, "mouse", &["f2"], "the mouse for watcher, or for the terminal"),
    entry("General", Action::Theme, "theme", &[], "another theme, shown while it is chosen: theme NAME"),
    entry("General", Action::TimeZone, "time-zone", &["z"], "times in UTC or in this machine's zone"),
    entry(
        "Rules",
        Action::Apply,
        "apply",
        &["ctrl-s"],
        "put the draft in force, or its rule beside the old one as a shadow",
    )
    .on("apply", &[Rules]),
    entry("Rules", Action::Edit, "edit-rule", &["e"], "edit the rule in front; edit-rule NAME")
        .on("edit rule", &[Overview, Records, Rules]),
    entry("Rules", Action::AsText, "as-text", &["ctrl-t"], "the rule as text, or as a form").on("text/form", &[Rules]),
    entry("Rules", Action::Enable, "enable", &["x"], "switch the rule on or off in the draft").on("on/off", &[Rules]),
    entry("Rules", Action::Undo, "undo", &["u"], "undo a change of the draft, also what was saved")
        .on("undo", &[Rules]),
    entry("Rules", Action::Redo, "redo", &["ctrl-r"], "do it again"),
    entry("Rules", Action::Suggest, "suggest", &[], "the bound that would have fired at a rate: suggest 0.1%"),
    entry("Rules", Action::Promote, "promote", &[], "the shadow takes the place of the rule it was tried beside"),
    entry(
        "Rules",
        Action::TestFromRecord,
        "test-from-record",
        &[],
        "a test of the rule file, made of the selected record",
    ),
    entry("Rules", Action::ExportPatch, "export-patch", &[], "the difference as a patch: export-patch FILE"),
    entry("Rules", Action::Discard, "discard", &[], "the draft as it is on the disk; undo brings it back"),
    entry("Rules", Action::Sort, "sort", &[], "the list by file, hits, cost or name; a click on its head does too"),
    entry("Panes", Action::NextPane, "next-pane", &["tab"], "to the next pane").word("pane"),
    entry("Panes", Action::PreviousPane, "previous-pane", &["backtab"], "to the pane before"),
    entry("Panes", Action::FullPane, "full-pane", &["f"], "one pane on the whole screen, and back").word("full"),
    entry("Records", Action::Freeze, "freeze", &["space"], "stop the view while reading goes on, and go on")
        .on("freeze", LISTS)
        .live(),
    entry("Replay", Action::Play, "play", &["space"], "play, and pause").word("play").replay(),
    entry(
        "Replay",
        Action::StepForward,
        "step-forward",
        &["."],
        "a record forward; of a narrowed list, to the next that fits",
    )
    .on("step", LISTS)
    .replay(),
    entry("Replay", Action::StepBack, "step-back", &[","], "a record back").on("back", LISTS).replay(),
    entry("Replay", Action::Forward, "forward", &["]"], "5 s forward").replay(),
    entry("Replay", Action::Back, "backward", &["["], "5 s back").replay(),
    entry("Replay", Action::NextMark, "next-mark", &["}"], "to the next mark on the bar").on("mark", LISTS).replay(),
    entry("Replay", Action::PreviousMark, "previous-mark", &["{"], "to the mark before").replay(),
    entry("Replay", Action::Seek, "seek", &["t"], "to a place: seek 02:57, 40%, +5m, #1200, mark 2, start, end")
        .on("seek", LISTS)
        .replay(),
    entry("Replay", Action::Faster, "faster", &[">"], "faster").replay(),
    entry("Replay", Action::Slower, "slower", &["<"], "slower").replay(),
    entry("Replay", Action::Speed, "speed", &[], "at a pace: speed 10, from 0.1 to 1000, or max").replay(),
    entry(
        "Replay",
        Action::SkipGaps,
        "skip-gaps",
        &["s"],
        "skip the silence between records that lie far apart, or wait it out",
    )
    .replay(),
    entry("Replay", Action::Judgement, "judgement", &["o"], "the other judgement: as seen, or by the other rules")
        .on("other", LISTS)
        .replay(),
    entry("Replay", Action::Differing, "differing", &["c"], "list what the judgements differ in, or all")
        .on("differing", LISTS)
        .replay(),
    entry(
        "Records",
        Action::Filter,
        "filter",
        &["/"],
        "list what fits: text, /regex/, field:value, an expression; nothing lists all",
    )
    .on("filter", LISTS),
    entry("Records", Action::ToggleFilter, "toggle-filter", &["\\"], "the filter off, and on again"),
    entry("Records", Action::NextMatch, "next-match", &["n"], "to the next record of the list"),
    entry("Records", Action::PreviousMatch, "previous-match", &["N"], "to the one before"),
    entry("Records", Action::Scope, "scope", &[], "show one agent only: scope NAME; all without a name"),
    entry("Records", Action::Differs, "differs", &["D"], "what the records in question have that the others have not")
        .on("differs", &[Overview, Records, Drift]),
    entry("Records", Action::Open, "open", &["enter"], "into what is chosen: record, agent, alert, rule").word("open"),
    entry("Records", Action::Out, "out", &["backspace"], "out of it"),
    entry("Records", Action::NextViolation, "next-violation", &["v"], "to the next record that broke a rule")
        .on("next violation", LISTS),
    entry("Records", Action::PreviousViolation, "previous-violation", &["V"], "to the one before"),
    entry("Records", Action::NextDrift, "next-drift", &["d"], "to the next record by which a drift is known"),
    entry("Records", Action::PreviousDrift, "previous-drift", &["alt-d"], "to the one before"),
    entry("Records", Action::Raw, "raw", &["p"], "the record as it was read").on("raw", &[Records]),
    entry("Records", Action::Wrap, "wrap", &["w"], "break long lines, or cut them").on("wrap", &[Records]),
    entry(
        "Records",
        Action::CallRight,
        "right",
        &["+"],
        "nothing was wrong with the record: no rule should fire on it",
    )
    .on("right", &[Records]),
    entry("Records", Action::CallWrong, "wrong", &["-"], "the record is wrong: a rule should fire on it")
        .on("wrong", &[Records]),
    entry("Records", Action::Mark, "mark", &["m"], "mark the record, and take it back; mark TEXT says why")
        .on("mark", &[Records]),
    entry("Records", Action::Marks, "marks", &["'"], "the marks, to go to one"),
    entry("Records", Action::CopyValue, "copy-value", &["y"], "copy what is in front: an id, a name, a value"),
    entry(
        "Records",
        Action::CopyRecord,
        "copy-record",
        &["Y"],
        "copy the record as it was read, to the clipboard and a file",
    )
    .on("copy", &[Records]),
    entry(
        "Alerts",
        Action::Acknowledge,
        "acknowledge",
        &["a"],
        "take the chosen alert on: nobody is told until it gets worse",
    )
    .on("acknowledge", &[Overview]),
    entry("Alerts", Action::Silence, "silence", &["S"], "silence the chosen alert: silence 1h why; 30m model=x why")
        .on("silence", &[Overview]),
    entry("Alerts", Action::Silences, "silences", &["alt-s"], "what is silenced, until when, by whom, to end it"),
    entry(
        "Records",
        Action::Capture,
        "capture",
        &["C"],
        "keep what happens in a file that can be replayed; once more ends it",
    )
    .on("capture", &[Overview])
    .live(),
    entry("Records", Action::Report, "report", &["R"], "write a report for whoever takes over")
        .on("report", &[Overview]),
    entry("Records", Action::Follow, "follow", &["G", "end"], "to the newest, and follow").on("follow", LISTS),
    entry("Charts", Action::Left, "cursor-left", &["h", "left"], "the time cursor to the left; in a form, a step less"),
    entry(
        "Charts",
        Action::Right,
        "cursor-right",
        &["l", "right"],
        "the time cursor to the right; in a form, a step more",
    ),
    entry("Charts", Action::Longer, "longer", &[")"], "a longer time in the charts"),
    entry("Charts", Action::Shorter, "shorter", &["("], "a shorter time").on("zoom", &[Drift]),
    entry("Charts", Action::Earlier, "earlier", &["H"], "back in time; in a form, ten steps less"),
    entry("Charts", Action::Later, "later", &["L"], "forth in time; in a form, ten steps more"),
    entry("Charts", Action::Range, "range", &[], "so long a time: range 90s, 5m, 1h, all, recent"),
    entry("Drift", Action::PinBaseline, "pin-baseline", &["b"], "what is normal now stays the series' baseline")
        .on("pin baseline", &[Drift]),
    entry("Drift", Action::ResetBaseline, "reset-baseline", &["B"], "the series learns its baseline anew")
        .on("reset", &[Drift]),
    entry("Screens", Action::Overview, "overview", &["1"], "everything at a glance")
        .on("overview", &[Records, Rules, Drift, Health]),
    entry("Screens", Action::Records, "records", &["2"], "the selected record in full, the newest without one")
        .on("records", &[Overview]),
    entry("Screens", Action::Rules, "rules", &["3"], "the rules: how they stand, and what a change would do")
        .on("rules", LISTS),
    entry("Screens", Action::Drift, "drift", &["4"], "the series: baseline against now, what moved")
        .on("drift", &[Overview]),
    entry("Screens", Action::Health, "health", &["5"], "stages, engines, sources, refused lines, log")
        .on("health", &[Overview]),
    entry("Moving", Action::Up, "up", &["k", "up"], "a line up"),
    entry("Moving", Action::Down, "down", &["j", "down"], "a line down"),
    entry("Moving", Action::HalfUp, "half-page-up", &["ctrl-u"], "half a page up"),
    entry("Moving", Action::HalfDown, "half-page-down", &["ctrl-d"], "half a page down"),
    entry("Moving", Action::PageUp, "page-up", &["pageup"], "a page up"),
    entry("Moving", Action::PageDown, "page-down", &["pagedown"], "a page down"),
    entry("Moving", Action::Top, "top", &["g", "home"], "to the oldest"),
    entry("Moving", Action::Panic, HIDDEN, &[], "fail on purpose"),
];
