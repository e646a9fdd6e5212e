//! Styles by meaning, and the symbols that go with them. No pane names a colour.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::verdict::{Action, DriftState, Severity};
use crate::yaml::{Diagnostic, Doc, Node};

/// What a style means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Meaning {
    Background,
    Text,
    Muted,
    Title,
    Border,
    BorderFocused,
    Header,
    Footer,
    Key,
    Selection,
    Note,
    Overlay,
    Critical,
    Warning,
    Info,
    Ok,
    Block,
    Review,
    Caution,
    Allow,
    P50,
    P95,
    P99,
    Own,
    Value,
    Alarm,
    Baseline,
    Spark,
    Mark,
    Differs,
}

/// The names in a theme file, in the order of [`Meaning`].
const NAMES: [(&str, Meaning); 30] = [
    ("background", Meaning::Background),
    ("text", Meaning::Text),
    ("muted", Meaning::Muted),
    ("title", Meaning::Title),
    ("border", Meaning::Border),
    ("border.focused", Meaning::BorderFocused),
    ("header", Meaning::Header),
    ("footer", Meaning::Footer),
    ("key", Meaning::Key),
    ("selection", Meaning::Selection),
    ("note", Meaning::Note),
    ("overlay", Meaning::Overlay),
    ("severity.critical", Meaning::Critical),
    ("severity.warning", Meaning::Warning),
    ("severity.info", Meaning::Info),
    ("severity.ok", Meaning::Ok),
    ("action.block", Meaning::Block),
    ("action.review", Meaning::Review),
    ("action.caution", Meaning::Caution),
    ("action.allow", Meaning::Allow),
    ("series.p50", Meaning::P50),
    ("series.p95", Meaning::P95),
    ("series.p99", Meaning::P99),
    ("series.own", Meaning::Own),
    ("series.value", Meaning::Value),
    ("series.alarm", Meaning::Alarm),
    ("band.baseline", Meaning::Baseline),
    ("spark", Meaning::Spark),
    ("mark", Meaning::Mark),
    ("differs", Meaning::Differs),
];

/// The themes that are compiled in.
pub const SHIPPED: [(&str, &str); 5] = [
    ("dark", include_str!("../../themes/dark.yaml")),
    ("light", include_str!("../../themes/light.yaml")),
    ("high-contrast", include_str!("../../themes/high-contrast.yaml")),
    ("terminal", include_str!("../../themes/terminal.yaml")),
    ("nord", include_str!("../../themes/nord.yaml")),
];

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None are wanted (`NO_COLOR`).
    None,
    /// The 16 named ones.
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// All.
    True,
}

/// Styles and symbols.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    styles: [Style; NAMES.len()],
    /// Characters.
    pub symbols: Symbols,
}

/// Characters that carry meaning beside the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Symbols {
    pub critical: &'static str,
    pub warning: &'static str,
    pub ok: &'static str,
    pub none: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub onset: &'static str,
    pub ellipsis: &'static str,
    pub play: &'static str,
    pub pause: &'static str,
    /// What the operator has marked.
    pub mark: &'static str,
    /// A line without marks.
    pub line: &'static str,
    pub dot: &'static str,
    /// A point in time, over the height of a chart.
    pub cursor: &'static str,
    /// Heights of a sparkline, lowest first.
    pub bars: [&'static str; 8],
    pub border: border::Set<'static>,
    /// Charts in braille; else in dots.
    pub braille: bool,
}

impl Symbols {
    /// For terminals that show Unicode.
    pub const UNICODE: Self = Self {
        critical: "✖",
        warning: "▲",
        ok: "●",
        none: "○",
        up: "▲",
        down: "▼",
        onset: "◆",
        ellipsis: "…",
        play: "▶",
        pause: "‖",
        mark: "★",
        line: "─",
        dot: "·",
        cursor: "│",
        bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        border: border::ROUNDED,
        braille: true,
    };

    /// For those that do not.
    pub const ASCII: Self = Self {
        critical: "X",
        warning: "!",
        ok: "*",
        none: "o",
        up: "^",
        down: "v",
        onset: "#",
        ellipsis: "~",
        play: ">",
        pause: "=",
        mark: "@",
        line: "-",
        dot: "-",
        cursor: "|",
        bars: ["_", ".", ":", "-", "=", "+", "*", "#"],
        border: border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        },
        braille: false,
    };
}

impl Theme {
    /// A theme that is compiled in.
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
        Self::parse(name, text).ok()
    }

    /// Reads a theme. A meaning that is not named is shown as plain text.
    ///
    /// # Errors
    /// Every unknown key and colour, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let doc = Doc::parse(file, text).map_err(|fault| vec![fault])?;
        let root = doc.root();
        root.only(&NAMES.map(|(name, _)| name));
        let mut styles = [Style::new(); NAMES.len()];
        for (name, meaning) in NAMES {
            if let Some(node) = root.get(name) {
                styles[meaning as usize] = style(&node);
            }
        }
        doc.finish(Self { styles, symbols: Symbols::UNICODE })
    }

    /// The same with the colours that the terminal has.
    pub fn with_depth(mut self, depth: Depth) -> Self {
        for style in &mut self.styles {
            style.fg = style.fg.and_then(|colour| reduce(colour, depth));
            style.bg = style.bg.and_then(|colour| reduce(colour, depth));
        }
        if depth == Depth::None {
            let selection = &mut self.styles[Meaning::Selection as usize];
            *selection = selection.add_modifier(Modifier::REVERSED);
        }
        self
    }

    /// The same with these characters.
    pub fn with_symbols(self, symbols: Symbols) -> Self {
        Self { symbols, ..self }
    }

    /// The style of a meaning.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.styles[meaning as usize]
    }

    /// Symbol, word and style of a severity; `None` is no finding.
    pub fn severity(&self, severity: Option<Severity>) -> (&'static str, &'static str, Style) {
        match severity {
            Some(Severity::Critical) => (self.symbols.critical, "CRIT", self.style(Meaning::Critical)),
            Some(Severity::Warning) => (self.symbols.warning, "WARN", self.style(Meaning::Warning)),
            Some(Severity::Info) => (self.symbols.dot, "INFO", self.style(Meaning::Info)),
            None => (self.symbols.ok, "OK", self.style(Meaning::Ok)),
        }
    }

    /// Symbol and style of an advice.
    pub fn action(&self, action: Action) -> (&'static str, Style) {
        match action {
            Action::Block => (self.symbols.critical, self.style(Meaning::Block)),
            Action::Review => (self.symbols.warning, self.style(Meaning::Review)),
            Action::Caution => (self.symbols.warning, self.style(Meaning::Caution)),
            Action::Allow => (self.symbols.ok, self.style(Meaning::Allow)),
        }
    }

    /// Symbol and style of a series' state.
    pub fn drift(&self, state: DriftState) -> (&'static str, Style) {
        match state {
            DriftState::Drift => (self.symbols.warning, self.style(Meaning::Alarm)),
            DriftState::Suspect | DriftState::Stuck => (self.symbols.warning, self.style(Meaning::Warning)),
            DriftState::Stable | DriftState::Recovered => (self.symbols.ok, self.style(Meaning::Ok)),
            DriftState::WarmUp | DriftState::Missing | DriftState::NoData => {
                (self.symbols.none, self.style(Meaning::Muted))
            }
        }
    }
}

fn style(node: &Node<'_>) -> Style {
    node.only(&["fg", "bg", "bold", "dim", "underline", "reverse"]);
    let mut style = Style::new();
    if let Some(colour) = node.get("fg").and_then(|n| colour(&n)) {
        style = style.fg(colour);
    }
    if let Some(colour) = node.get("bg").and_then(|n| colour(&n)) {
        style = style.bg(colour);
    }
    let modifiers = [
        ("bold", Modifier::BOLD),
        ("dim", Modifier::DIM),
        ("underline", Modifier::UNDERLINED),
        ("reverse", Modifier::REVERSED),
    ];
    for (key, modifier) in modifiers {
        if node.get(key).and_then(|n| n.boolean()) == Some(true) {
            style = style.add_modifier(modifier);
        }
    }
    style
}

fn colour(node: &Node<'_>) -> Option<Color> {
    let text = node.string()?;
    let colour = text.parse::<Color>().ok();
    if colour.is_none() {
        node.fault(format!("`{text}` is no colour"), Some("write \"#rrggbb\", a name such as red, or 0 to 255".into()));
    }
    colour
}

fn reduce(colour: Color, depth: Depth) -> Option<Color> {
    match (depth, colour) {
        (Depth::None, _) => None,
        (Depth::Indexed, Color::Rgb(r, g, b)) => Some(Color::Indexed(nearest_256(r, g, b))),
        (Depth::Sixteen, Color::Rgb(r, g, b)) => Some(nearest_16(r, g, b)),
        (_, colour) => Some(colour),
    }
}

/// Nearest of xterm's colour cube (levels 0, 95, 135, 175, 215, 255) and its grey ramp (8, 18, … 238).
fn nearest_256(r: u8, g: u8, b: u8) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |v: u8| (0..6).min_by_key(|i| LEVELS[*i].abs_diff(v)).unwrap_or(0);
    let (i, j, k) = (level(r), level(g), level(b));
    let cube = 16 + 36 * i + 6 * j + k;
    let distance = |x: u8, y: u8, z: u8| {
        u32::from(x.abs_diff(r)).pow(2) + u32::from(y.abs_diff(g)).pow(2) + u32::from(z.abs_diff(b)).pow(2)
    };
    let grey = ((u32::from(r) + u32::from(g) + u32::from(b)) / 3).saturating_sub(3) / 10;
    let grey = grey.min(23) as u8;
    let shade = 8 + 10 * grey;
    if distance(shade, shade, shade) < distance(LEVELS[i], LEVELS[j], LEVELS[k]) { 232 + grey } else { cube as u8 }
}

fn nearest_16(r: u8, g: u8, b: u8) -> Color {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    // A colour with little saturation is a grey; else each channel is on or off against the strongest.
    if max - min < 48 {
        return match max {
            0..64 => Color::Black,
            64..128 => Color::DarkGray,
            128..210 => Color::Gray,
            _ => Color::White,
        };
    }
    let on = |v: u8| u16::from(v) * 3 >= u16::from(max) * 2;
    match (on(r), on(g), on(b)) {
        (true, true, false) => Color::Yellow,
        (true, false, true) => Color::Magenta,
        (false, true, true) => Color::Cyan,
        (true, false, false) => Color::Red,
        (false, true, false) => Color::Green,
        (false, false, true) => Color::Blue,
        _ => Color::White,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_themes_name_every_meaning() {
        for (name, text) in SHIPPED {
            let doc = Doc::parse(name, text).unwrap();
            let missing: Vec<_> = NAMES.iter().filter(|(meaning, _)| doc.root().get(meaning).is_none()).collect();
            assert!(missing.is_empty(), "{name}: {missing:?}");
            assert!(Theme::shipped(name).is_some());
        }
        assert!(NAMES.iter().enumerate().all(|(index, (_, meaning))| *meaning as usize == index));
    }

    #[test]
    fn errors_have_their_line() {
        let faults = Theme::parse("my.yaml", "text: {fg: reddish}\nseverity.critcal: {bold: true}\n").unwrap_err();
        let text: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "my.yaml:1:12: `reddish` is no colour (write \"#rrggbb\", a name such as red, or 0 to 255)",
                "my.yaml:2:1: unknown key `severity.critcal` (did you mean `severity.critical`?)"
            ]
        );
    }

    #[test]
    fn fewer_colours() {
        assert_eq!(nearest_256(255, 0, 0), 196);
        assert_eq!(nearest_256(16, 19, 24), 233);
        assert_eq!(nearest_16(255, 123, 114), Color::Red);
        let plain = Theme::shipped("dark").unwrap().with_depth(Depth::None);
        assert!(plain.styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }
}
