//! Keys to actions. Footer, help and palette are made from the same table.

mod table;

use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use crate::state::view::Hint;
use crate::yaml::did_you_mean;

pub use table::Keys;
use table::{HIDDEN, TABLE};

/// A key with its modifiers.
type Key = (KeyCode, KeyModifiers);

/// Keys to actions, and the table for the screen.
#[derive(Debug, Clone)]
pub struct Keymap {
    by_key: HashMap<Key, Action>,
    /// For footer, help and palette.
    pub hints: Arc<[Hint]>,
    which: Keys,
}

impl Keymap {
    /// The table, with the user's own keys in the place of an action's.
    ///
    /// # Errors
    /// An unknown action or key, or a key that is bound twice.
    pub fn new(own: &[(String, Vec<String>)], which: Keys) -> Result<Self, String> {
        // What is bound twice in the other set is found at once too, not on the day that it is needed.
        let other = if which == Keys::Live { Keys::Replay } else { Keys::Live };
        Self::of(own, other)?;
        Self::of(own, which)
    }

    fn of(own: &[(String, Vec<String>)], which: Keys) -> Result<Self, String> {
        for (name, _) in own {
            if !TABLE.iter().any(|entry| entry.name == name) {
                let help = did_you_mean(name, TABLE.iter().map(|entry| entry.name));
                let help = help.unwrap_or_else(|| "see `watcher config keys`".into());
                return Err(format!("keys: there is no action `{name}`: {help}"));
            }
        }
        let mut by_key = HashMap::new();
        let mut hints = Vec::new();
        for entry in TABLE.iter().filter(|entry| entry.only.is_none_or(|only| only == which)) {
            let own = own.iter().rev().find(|(name, _)| name == entry.name).map(|(_, keys)| keys.clone());
            let keys = own.unwrap_or_else(|| entry.keys.iter().map(ToString::to_string).collect());
            for text in &keys {
                let key = parse(text).ok_or_else(|| {
                    format!("keys: {}: `{text}` is no key; write a character, or such as ctrl-p, f1, enter", entry.name)
                })?;
                if let Some(before) = by_key.insert(key, entry.action) {
                    let name = TABLE.iter().find(|e| e.action == before).map_or("", |e| e.name);
                    return Err(format!("keys: `{text}` is bound twice: to {name} and to {}", entry.name));
                }
            }
            if entry.name != HIDDEN {
                hints.push(Hint {
                    keys: keys.iter().map(|key| shown(key)).collect::<Vec<_>>().join(" "),
                    name: entry.name,
                    help: entry.help,
                    footer: entry.footer,
                    group: entry.group,
                    screens: entry.screens,
                });
            }
        }
        Ok(Self { by_key, hints: hints.into(), which })
    }

    /// The action of a key.
    pub fn action(&self, key: &KeyEvent) -> Option<Action> {
        self.by_key.get(&normal(key.code, key.modifiers)).copied()
    }

    /// The action of a name.
    pub fn by_name(&self, name: &str) -> Option<Action> {
        let here = TABLE.iter().filter(|entry| entry.only.is_none_or(|only| only == self.which));
        here.into_iter().find(|entry| entry.name == name).map(|entry| entry.action)
    }
}

/// A capital letter carries its shift; terminals differ in whether they say so.
fn normal(code: KeyCode, modifiers: KeyModifiers) -> Key {
    let shift =
        if matches!(code, KeyCode::Char(_) | KeyCode::BackTab) { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    (code, modifiers - shift)
}

const NAMED: [(&str, KeyCode, &str); 17] = [
    ("space", KeyCode::Char(' '), "Space"),
    ("enter", KeyCode::Enter, "Enter"),
    ("esc", KeyCode::Esc, "Esc"),
    ("tab", KeyCode::Tab, "Tab"),
    ("backtab", KeyCode::BackTab, "Shift-Tab"),
    ("backspace", KeyCode::Backspace, "Backspace"),
    ("delete", KeyCode::Delete, "Del"),
    ("insert", KeyCode::Insert, "Ins"),
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
    ("pageup", KeyCode::PageUp, "PgUp"),
    ("pagedown", KeyCode::PageDown, "PgDn"),
    ("null", KeyCode::Null, "Null"),
];

fn parse(text: &str) -> Option<Key> {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix("ctrl-") {
            modifiers |= KeyModifiers::CONTROL;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("alt-") {
            modifiers |= KeyModifiers::ALT;
            rest = after;
        } else {
            break;
        }
    }
    let mut chars = rest.chars();
    let code = match (chars.next(), chars.next()) {
        (Some(c), None) => KeyCode::Char(c),
        _ => match rest.strip_prefix('f').and_then(|n| n.parse().ok()) {
            Some(n @ 1..=12) => KeyCode::F(n),
            _ => NAMED.iter().find(|(name, ..)| *name == rest)?.1,
        },
    };
    Some((code, modifiers))
}

/// A key as it is written on the keyboard.
fn shown(text: &str) -> String {
    if let Some((_, _, label)) = NAMED.iter().find(|(name, ..)| *name == text) {
        return (*label).to_owned();
    }
    if let Some(rest) = text.strip_prefix("ctrl-") {
        return format!("Ctrl-{}", shown(rest));
    }
    if let Some(rest) = text.strip_prefix("alt-") {
        return format!("Alt-{}", shown(rest));
    }
    if text.len() > 1 && text.starts_with('f') { text.to_uppercase() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let keymap = Keymap::new(&[], Keys::Live).unwrap();
        assert!(keymap.hints.iter().any(|hint| hint.name == "quit"));
        let press = |code, modifiers| keymap.action(&KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::NONE), Some(Action::Quit));
        assert_eq!(press(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Action::Follow));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::QuitNow));
        assert_eq!(press(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::PreviousPane));
    }

    #[test]
    fn own_keys_replace_and_faults_are_named() {
        let own = |name: &str, key: &str| Keymap::new(&[(name.to_owned(), vec![key.to_owned()])], Keys::Live);
        let keymap = own("freeze", "P").unwrap();
        assert_eq!(keymap.action(&KeyEvent::new(KeyCode::Char('P'), KeyModifiers::NONE)), Some(Action::Freeze));
        assert_eq!(keymap.action(&KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE)), None);
        assert!(own("freeze", "q").unwrap_err().contains("bound twice: to quit and to freeze"));
        assert!(own("frezee", "p").unwrap_err().contains("did you mean `freeze`?"));
        assert!(own("freeze", "hyper-x").unwrap_err().contains("is no key"));
    }
}
