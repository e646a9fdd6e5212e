//! What an expression compiles to: straight-line code over numbered registers.
//!
//! All programs of a rule set share three files of registers: numbers, truths and texts. The first numbers are the slots
//! of the record; behind them every program has its own constants and results, which no other program writes. So a
//! program is run by reading and writing plain arrays, and after it has run the value of every part of the expression can
//! still be read: that is how `explain` and the coverage of tests see inside.

use regex::Regex;

/// A register of the file of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Num(pub u32);

impl Num {
    /// The register's place once so many slots stand before it.
    pub fn link(&mut self, slots: u32) {
        move_behind(&mut self.0, slots);
    }
}

/// A register of the file of truths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bit(pub u32);

/// A register of the file of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Str(pub u32);

/// Where a part of an expression has its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Register {
    Number(Num),
    Truth(Bit),
    Text(Str),
}

/// Operators on two numbers that yield one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sum {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Min,
    Max,
}

/// Operators on one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    Negate,
    Abs,
    Round,
}

/// Comparisons of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Order {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Questions about two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Likeness {
    Equal,
    Contains,
    StartsWith,
    EndsWith,
}

/// One step. `out` is written, everything else is read.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Op {
    Sum(Sum, Num, Num, Num),
    Change(Change, Num, Num),
    /// Characters of a text.
    Length(Num, Str),
    Order(Order, Bit, Num, Num),
    /// Whether a number is among the program's list of this index.
    AmongNumbers(Bit, Num, u32),
    HasNumber(Bit, Num),
    HasText(Bit, Str),
    /// A label that is `true` or `false`; any other says nothing.
    IsTrue(Bit, Str),
    /// Two fields of unknown type: the registers are in `pairs`.
    Same(Bit, u32),
    Likeness(Likeness, Bit, Str, Str),
    Matches(Bit, Str, u32),
    AmongTexts(Bit, Str, u32),
    Not(Bit, Bit),
    And(Bit, Bit, Bit),
    Or(Bit, Bit, Bit),
    Equal(Bit, Bit, Bit),
    /// The second or the third, as the first says.
    ChooseNumber(Num, Bit, Num, Num),
    ChooseTruth(Bit, Bit, Bit, Bit),
    ChooseText(Str, Bit, Str, Str),
    /// Lower case, into the scratch text of this index.
    Lower(Str, Str, u32),
    /// Leaves out so many steps when the truth is already decided: what costs more than it saves is never left out.
    SkipIf(Bit, u8, u32),
    /// Runs the next so many steps for each sample, held by the text register `var`, and looks at `result` after each.
    Each {
        out: Bit,
        var: Str,
        steps: u32,
        result: Bit,
        all: bool,
    },
}

/// Two fields whose types are not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub numbers: (Num, Num),
    pub texts: (Str, Str),
}

/// A part of the expression, in the order of the text, outer parts before inner ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Levels below the whole.
    pub level: usize,
    /// As it is written.
    pub text: Box<str>,
    /// Where its value is.
    pub register: Register,
    /// A constant: nothing to explain.
    pub constant: bool,
    /// It compares or asks: not made of other truths.
    pub leaf: bool,
    /// It stands in the body of `samples.all` or `samples.exists`: its value is that of the last sample.
    pub repeated: bool,
}

/// A text constant or a regular expression is equal to another if it is written alike.
#[derive(Debug, Clone)]
pub(super) struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// A compiled expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub(super) ops: Vec<Op>,
    /// Where the value is after a run.
    pub result: Register,
    /// The parts of the expression.
    pub parts: Vec<Part>,
    /// Constants, and where they stand.
    pub(super) numbers: Vec<(Num, f64)>,
    pub(super) truths: Vec<(Bit, u8)>,
    pub(super) texts: Vec<(Str, Box<str>)>,
    /// Sorted.
    pub(super) number_lists: Vec<Vec<f64>>,
    pub(super) text_lists: Vec<TextList>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) pairs: Vec<Pair>,
}

/// Most texts that are looked for one by one.
const FEW: usize = 8;

/// Texts to be found in.
#[derive(Debug, Clone, PartialEq)]
pub struct TextList {
    /// In the order of the file.
    pub items: Vec<Box<str>>,
    /// The same, for long lists.
    index: foldhash::HashSet<Box<str>>,
}

impl TextList {
    /// Makes the index.
    pub fn new(items: Vec<Box<str>>) -> Self {
        let index = if items.len() > FEW { items.iter().cloned().collect() } else { foldhash::HashSet::default() };
        Self { items, index }
    }

    /// Whether a text is among them.
    pub fn has(&self, text: &str) -> bool {
        if self.items.len() > FEW { self.index.contains(text) } else { self.items.iter().any(|item| **item == *text) }
    }
}

impl Program {
    /// A program without steps.
    pub(super) fn empty() -> Self {
        Self {
            ops: Vec::new(),
            result: Register::Truth(Bit(0)),
            parts: Vec::new(),
            numbers: Vec::new(),
            truths: Vec::new(),
            texts: Vec::new(),
            number_lists: Vec::new(),
            text_lists: Vec::new(),
            patterns: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Its steps.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Whether it reads numbers alone: then it can be run over columns.
    pub fn is_numeric(&self) -> bool {
        let numeric = |op: &Op| {
            matches!(
                op,
                Op::Sum(..)
                    | Op::Change(..)
                    | Op::Order(..)
                    | Op::AmongNumbers(..)
                    | Op::Not(..)
                    | Op::And(..)
                    | Op::Or(..)
                    | Op::Equal(..)
                    | Op::ChooseNumber(..)
                    | Op::ChooseTruth(..)
                    | Op::SkipIf(..)
            )
        };
        self.ops.iter().all(numeric)
    }
}

/// How many registers the programs of a rule set need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// Numbers beside the slots: register `i` of these stands at `slots + i`.
    pub numbers: u32,
    /// Truths.
    pub truths: u32,
    /// Texts beside the slots.
    pub texts: u32,
    /// Scratch texts.
    pub scratch: u32,
    /// Regular expressions.
    pub patterns: u32,
}

/// Registers of slots are numbered from 0, all others from here on, until [`Program::link`] knows how many slots there
/// are.
pub(super) const OWN: u32 = 1 << 30;

impl Program {
    /// Puts the program's own registers behind the slots.
    pub fn link(&mut self, number_slots: u32, text_slots: u32) {
        let n = |register: &mut Num| move_behind(&mut register.0, number_slots);
        let s = |register: &mut Str| move_behind(&mut register.0, text_slots);
        for op in &mut self.ops {
            match op {
                Op::Sum(_, out, a, b) => [out, a, b].into_iter().for_each(n),
                Op::Change(_, out, a) => [out, a].into_iter().for_each(n),
                Op::Length(out, a) => {
                    n(out);
                    s(a);
                }
                Op::Order(_, _, a, b) => [a, b].into_iter().for_each(n),
                Op::ChooseNumber(out, _, a, b) => [out, a, b].into_iter().for_each(n),
                Op::AmongNumbers(_, a, _) | Op::HasNumber(_, a) => n(a),
                Op::HasText(_, a) | Op::IsTrue(_, a) | Op::Matches(_, a, _) | Op::AmongTexts(_, a, _) => s(a),
                Op::Likeness(_, _, a, b) | Op::Lower(a, b, _) => [a, b].into_iter().for_each(s),
                Op::ChooseText(out, _, a, b) => [out, a, b].into_iter().for_each(s),
                Op::Each { var, .. } => s(var),
                Op::Same(..)
                | Op::Not(..)
                | Op::And(..)
                | Op::Or(..)
                | Op::Equal(..)
                | Op::ChooseTruth(..)
                | Op::SkipIf(..) => {}
            }
        }
        for pair in &mut self.pairs {
            [&mut pair.numbers.0, &mut pair.numbers.1].into_iter().for_each(n);
            [&mut pair.texts.0, &mut pair.texts.1].into_iter().for_each(s);
        }
        self.numbers.iter_mut().for_each(|(register, _)| n(register));
        self.texts.iter_mut().for_each(|(register, _)| s(register));
        let registers = self.parts.iter_mut().map(|part| &mut part.register).chain([&mut self.result]);
        for register in registers {
            match register {
                Register::Number(register) => n(register),
                Register::Text(register) => s(register),
                Register::Truth(_) => {}
            }
        }
    }
}

fn move_behind(register: &mut u32, slots: u32) {
    if *register >= OWN {
        *register = *register - OWN + slots;
    }
}
