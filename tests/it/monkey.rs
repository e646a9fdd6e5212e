//! Random keys, mouse and sizes, with fixed seeds: whatever is typed, nothing panics, and every frame can be drawn.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use watcher::app::App;

use crate::screens::{screen, settled, with_traffic_of};

/// A stream of numbers that is the same each time (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize]
    }
}

const CODES: [KeyCode; 18] = [
    KeyCode::Enter,
    KeyCode::Enter,
    KeyCode::Esc,
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Backspace,
    KeyCode::Delete,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::F(1),
    KeyCode::F(2),
    KeyCode::F(12),
];

/// Command lines that a monkey would not come upon.
const COMMANDS: [&str; 12] = [
    ":filter divergence.risk > 0.5\r",
    ":filter /(/\r",
    ":edit-rule max-loss\r",
    ":suggest 1%\r",
    ":scope trader-1\r",
    ":scope \r",
    ":range 90s\r",
    ":range all\r",
    ":mark why\r",
    ":test-from-record t\r",
    ":export-patch x\r",
    ":seek 40%\r",
];

fn key(dice: &mut Dice) -> KeyEvent {
    let modifiers = dice.one(&[
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
    ]);
    match dice.roll(3) {
        0 => KeyEvent::new(dice.one(&CODES), KeyModifiers::NONE),
        _ => KeyEvent::new(KeyCode::Char((33 + dice.roll(94)) as u8 as char), modifiers),
    }
}

fn mouse(dice: &mut Dice, (width, height): (u16, u16)) -> Event {
    let left = MouseButton::Left;
    let kind = dice.one(&[
        MouseEventKind::Down(left),
        MouseEventKind::Drag(left),
        MouseEventKind::Up(left),
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
        MouseEventKind::Moved,
    ]);
    let place = |size: u16, dice: &mut Dice| dice.roll(u64::from(size) + 2) as u16;
    let (column, row) = (place(width, dice), place(height, dice));
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

fn play(app: &mut App, seed: u64, steps: usize) {
    let mut dice = Dice(seed);
    let mut size = (160, 45);
    for _ in 0..steps {
        match dice.roll(12) {
            0 => size = (1 + dice.roll(300) as u16, 1 + dice.roll(100) as u16),
            1 => drop(app.event(&mouse(&mut dice, size), size)),
            2 => drop(app.event(&Event::Paste("a: [\n\u{1b}]52;c;x\u{7}漢".into()), size)),
            3 => dice.one(&COMMANDS).chars().for_each(|c| {
                let code = if c == '\r' { KeyCode::Enter } else { KeyCode::Char(c) };
                app.key(&KeyEvent::new(code, KeyModifiers::NONE));
            }),
            _ => drop(app.key(&key(&mut dice))),
        }
        if dice.roll(4) == 0 {
            settled(app, size.0, size.1);
        } else {
            screen(app, size.0, size.1);
        }
    }
}

#[test]
fn no_keys_and_no_mouse_at_any_size_panic() {
    for seed in 1..=4 {
        play(&mut with_traffic_of(300), seed, 350);
    }
}

#[test]
fn an_empty_screen_takes_them_too() {
    for seed in 11..=12 {
        play(&mut crate::screens::app(), seed, 300);
    }
}

#[test]
fn a_replay_without_its_player_takes_them_too() {
    let mut app = with_traffic_of(300);
    app.state.options.mode = "REPLAY";
    app.keymap = watcher::app::keymap::Keymap::new(&[], watcher::app::keymap::Keys::Replay).unwrap();
    play(&mut app, 21, 300);
}
