//! Runs programs over one record. Allocates nothing for numbers, and for texts only until its scratch space has grown.

use super::arithmetic::{self as meaning, ABSENT, FALSE, MISSING, TRUE};
use super::program::{Bit, Layout, Likeness, Num, Op, Program, Register, Str};
use crate::record::Record;

/// What a rule's condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// A field that it needs is not there.
    Missing,
    /// It has no value, and why.
    Error(&'static str),
}

impl Truth {
    pub(super) fn of(code: u8) -> Self {
        match code {
            FALSE => Self::False,
            TRUE => Self::True,
            MISSING => Self::Missing,
            meaning::BY_ZERO => Self::Error("division by zero"),
            _ => Self::Error("the sum is not a number"),
        }
    }
}

/// What a part of an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, never NaN.
    Number(f64),
    /// A text.
    Text(String),
    /// A truth, or why there is no value.
    Truth(Truth),
}

/// A text, without holding on to the record it is from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum At {
    #[default]
    Missing,
    /// It can't be said, with the code of the truth that was to choose it.
    Unknown(u8),
    /// A label of the record.
    Label(u32),
    /// A sample of the record.
    Sample(u32),
    /// What an engine found.
    Word(&'static str),
    /// The record's key.
    Key,
    /// A constant of the running program.
    Constant(u32),
    /// A scratch text.
    Scratch(u32),
}

/// The registers.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Slots first.
    pub numbers: Vec<f64>,
    number_slots: usize,
    truths: Vec<u8>,
    texts: Vec<At>,
    text_slots: usize,
    scratch: Vec<String>,
}

/// Where texts come from.
#[derive(Clone, Copy)]
struct Texts<'a> {
    record: &'a Record,
    program: &'a Program,
}

impl Machine {
    /// Registers for so many slots and these programs.
    pub fn new<'a>(
        number_slots: usize,
        text_slots: usize,
        layout: Layout,
        programs: impl Iterator<Item = &'a Program>,
    ) -> Self {
        let mut machine = Self {
            numbers: vec![ABSENT; number_slots + layout.numbers as usize],
            number_slots,
            truths: vec![MISSING; layout.truths as usize],
            texts: vec![At::Missing; text_slots + layout.texts as usize],
            text_slots,
            scratch: vec![String::new(); layout.scratch as usize],
        };
        for program in programs {
            program.numbers.iter().for_each(|(at, value)| machine.numbers[at.0 as usize] = *value);
            program.truths.iter().for_each(|(at, value)| machine.truths[at.0 as usize] = *value);
            let texts = program.texts.iter().enumerate();
            texts.for_each(|(index, (at, _))| machine.texts[at.0 as usize] = At::Constant(index as u32));
        }
        machine
    }

    /// Forgets the last record.
    pub fn clear(&mut self) {
        self.numbers[..self.number_slots].fill(ABSENT);
        self.texts[..self.text_slots].fill(At::Missing);
    }

    /// Fills a slot that has no number yet; whether it had none.
    pub fn offer_number(&mut self, slot: usize, value: f64) -> bool {
        let empty = self.numbers[slot].is_nan();
        if empty {
            self.numbers[slot] = value;
        }
        empty
    }

    /// Whether the slot has a text by now.
    pub fn has_text(&self, slot: usize) -> bool {
        self.texts[slot] != At::Missing
    }

    /// Fills a slot with the record's label of this index.
    pub fn set_label(&mut self, slot: usize, index: usize) {
        self.texts[slot] = At::Label(index as u32);
    }

    /// Fills a slot with a word of an engine.
    pub fn set_word(&mut self, slot: usize, word: &'static str) {
        self.texts[slot] = At::Word(word);
    }

    /// Fills a slot with the record's key.
    pub fn set_key(&mut self, slot: usize) {
        self.texts[slot] = At::Key;
    }

    /// The record's label that fills a slot.
    pub fn label_of(&self, slot: usize) -> Option<usize> {
        match self.texts[slot] {
            At::Label(index) => Some(index as usize),
            _ => None,
        }
    }

    /// The text in a slot.
    pub fn text<'a>(&self, slot: usize, record: &'a Record) -> Option<&'a str> {
        match self.texts.get(slot)? {
            At::Label(index) => record.labels.get(*index as usize).map(|(_, text)| &**text),
            At::Word(word) => Some(word),
            At::Key => Some(&record.key),
            _ => None,
        }
    }

    /// Runs a condition.
    pub fn truth(&mut self, program: &Program, record: &Record) -> Truth {
        self.run(program, record);
        match program.result {
            Register::Truth(bit) => Truth::of(self.bit(bit)),
            _ => Truth::Error("not a condition"),
        }
    }

    /// Runs a program; values are then in its registers.
    pub fn run(&mut self, program: &Program, record: &Record) {
        let texts = Texts { record, program };
        self.steps(&program.ops, texts, true);
    }

    /// The same without leaving out what is decided already, so that every part has a value to show.
    pub fn run_whole(&mut self, program: &Program, record: &Record) {
        let texts = Texts { record, program };
        self.steps(&program.ops, texts, false);
    }

    /// The truth in a register.
    pub fn truth_in(&self, bit: Bit) -> Truth {
        Truth::of(self.bit(bit))
    }

    /// What stands in a register after a run.
    pub fn value(&self, register: Register, program: &Program, record: &Record) -> Value {
        match register {
            Register::Truth(bit) => Value::Truth(self.truth_in(bit)),
            Register::Number(Num(at)) => match self.numbers[at as usize] {
                value if value.is_nan() => Value::Truth(Truth::of(meaning::status(value))),
                value => Value::Number(value),
            },
            Register::Text(text) => {
                let texts = Texts { record, program };
                match self.str(text, texts) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(why) => Value::Truth(Truth::of(why)),
                }
            }
        }
    }

    #[inline(always)]
    fn number(&self, register: Num) -> f64 {
        self.numbers[register.0 as usize]
    }

    #[inline(always)]
    fn bit(&self, register: Bit) -> u8 {
        self.truths[register.0 as usize]
    }

    #[inline(always)]
    fn set_bit(&mut self, register: Bit, value: u8) {
        self.truths[register.0 as usize] = value;
    }

    fn steps(&mut self, ops: &[Op], texts: Texts<'_>, brief: bool) {
        let mut at = 0;
        while let Some(op) = ops.get(at) {
            at += 1;
            match *op {
                Op::Sum(op, out, a, b) => {
                    self.numbers[out.0 as usize] = meaning::sum(op, self.number(a), self.number(b));
                }
                Op::Order(op, out, a, b) => {
                    let value = meaning::order(op, self.number(a), self.number(b));
                    self.set_bit(out, value);
                }
                Op::And(out, a, b) => self.set_bit(out, meaning::and(self.bit(a), self.bit(b))),
                Op::Or(out, a, b) => self.set_bit(out, meaning::or(self.bit(a), self.bit(b))),
                Op::Not(out, a) => self.set_bit(out, meaning::not(self.bit(a))),
                Op::Change(op, out, a) => self.numbers[out.0 as usize] = meaning::change(op, self.number(a)),
                Op::SkipIf(bit, truth, steps) if brief && self.bit(bit) == truth => at += steps as usize,
                Op::SkipIf(..) => {}
                Op::Each { out, var, steps, result, all } => {
                    let body = &ops[at..at + steps as usize];
                    at += steps as usize;
                    let value = self.each(body, var, result, all, texts, brief);
                    self.set_bit(out, value);
                }
                other => self.rarely(other, texts),
            }
        }
    }

    /// The steps that are not about numbers and truths alone.
    fn rarely(&mut self, op: Op, texts: Texts<'_>) {
        match op {
            Op::Equal(out, a, b) => self.set_bit(out, meaning::equal(self.bit(a), self.bit(b))),
            Op::ChooseTruth(out, condition, a, b) => {
                self.set_bit(out, meaning::choose(self.bit(condition), self.bit(a), self.bit(b)));
            }
            Op::ChooseNumber(out, condition, a, b) => {
                let value = meaning::choose_number(self.bit(condition), self.number(a), self.number(b));
                self.numbers[out.0 as usize] = value;
            }
            Op::ChooseText(out, condition, a, b) => {
                self.texts[out.0 as usize] = match self.bit(condition) {
                    TRUE => self.texts[a.0 as usize],
                    FALSE => self.texts[b.0 as usize],
                    MISSING => At::Missing,
                    code => At::Unknown(code),
                };
            }
            Op::AmongNumbers(out, a, list) => {
                let list = &texts.program.number_lists[list as usize];
                self.set_bit(out, meaning::among(self.number(a), list));
            }
            Op::HasNumber(out, a) => self.set_bit(out, u8::from(!self.number(a).is_nan())),
            Op::HasText(out, a) => self.set_bit(out, u8::from(self.texts[a.0 as usize] != At::Missing)),
            Op::IsTrue(out, a) => {
                let value = match self.str(a, texts) {
                    Ok("true") => TRUE,
                    Ok("false") => FALSE,
                    Ok(_) => MISSING,
                    Err(why) => why,
                };
                self.set_bit(out, value);
            }
            Op::Same(out, pair) => self.same(out, pair, texts),
            Op::Length(out, a) => {
                self.numbers[out.0 as usize] = match self.str(a, texts) {
                    Ok(text) => text.chars().count() as f64,
                    Err(code) => meaning::choose_number(code, 0.0, 0.0),
                };
            }
            Op::Likeness(how, out, a, b) => {
                let value = match (self.str(a, texts), self.str(b, texts)) {
                    (Ok(a), Ok(b)) => u8::from(match how {
                        Likeness::Equal => a == b,
                        Likeness::Contains => a.contains(b),
                        Likeness::StartsWith => a.starts_with(b),
                        Likeness::EndsWith => a.ends_with(b),
                    }),
                    (Err(a), Err(b)) => a.max(b),
                    (Err(why), _) | (_, Err(why)) => why,
                };
                self.set_bit(out, value);
            }
            Op::Matches(out, a, pattern) => {
                let pattern = &texts.program.patterns[pattern as usize].0;
                let value = self.str(a, texts).map_or_else(|why| why, |text| u8::from(pattern.is_match(text)));
                self.set_bit(out, value);
            }
            Op::AmongTexts(out, a, list) => {
                let list = &texts.program.text_lists[list as usize];
                let value = self.str(a, texts).map_or_else(|why| why, |text| u8::from(list.has(text)));
                self.set_bit(out, value);
            }
            Op::Lower(out, a, scratch) => self.lower(out, a, scratch, texts),
            _ => {}
        }
    }

    fn lower(&mut self, out: Str, a: Str, scratch: u32, texts: Texts<'_>) {
        let mut held = std::mem::take(&mut self.scratch[scratch as usize]);
        held.clear();
        let found = self.str(a, texts).map(|text| held.extend(text.chars().flat_map(char::to_lowercase)));
        self.scratch[scratch as usize] = held;
        self.texts[out.0 as usize] = match found {
            Ok(()) => At::Scratch(scratch),
            Err(_) => self.texts[a.0 as usize],
        };
    }

    /// Two fields: as numbers if both are, as texts if both are; of different types they are not the same.
    fn same(&mut self, out: Bit, pair: u32, texts: Texts<'_>) {
        let pair = texts.program.pairs[pair as usize];
        let numbers = (self.number(pair.numbers.0), self.number(pair.numbers.1));
        let errors = [numbers.0, numbers.1].map(|number| if number.is_nan() { meaning::status(number) } else { FALSE });
        let value = match (numbers.0.is_nan(), numbers.1.is_nan()) {
            (false, false) => u8::from(numbers.0 == numbers.1),
            _ if errors[0].max(errors[1]) > MISSING => errors[0].max(errors[1]),
            (first, second) => match (self.str(pair.texts.0, texts), self.str(pair.texts.1, texts)) {
                (Ok(a), Ok(b)) => u8::from(a == b),
                (a, b) => {
                    let there = (!first || a.is_ok(), !second || b.is_ok());
                    if there == (true, true) { FALSE } else { MISSING }
                }
            },
        };
        self.set_bit(out, value);
    }

    /// `samples.all` and `samples.exists`: decided by the first sample that decides. A record without answers has nothing
    /// that all of them could be.
    fn each(&mut self, body: &[Op], var: Str, result: Bit, all: bool, texts: Texts<'_>, brief: bool) -> u8 {
        if texts.record.samples.is_empty() {
            return MISSING;
        }
        let mut value = u8::from(all);
        for index in 0..texts.record.samples.len() {
            self.texts[var.0 as usize] = At::Sample(index as u32);
            self.steps(body, texts, brief);
            let found = self.bit(result);
            value = if all { meaning::and(value, found) } else { meaning::or(value, found) };
            if value == u8::from(!all) {
                break;
            }
        }
        value
    }

    /// The text in a register, or the truth that stands for its absence.
    fn str<'a>(&'a self, register: Str, texts: Texts<'a>) -> Result<&'a str, u8> {
        match self.texts[register.0 as usize] {
            At::Label(index) => texts.record.labels.get(index as usize).map(|(_, text)| &**text).ok_or(MISSING),
            At::Sample(index) => texts.record.samples.get(index as usize).map(|text| &**text).ok_or(MISSING),
            At::Constant(index) => Ok(&texts.program.texts[index as usize].1),
            At::Word(word) => Ok(word),
            At::Key => Ok(&texts.record.key),
            At::Scratch(index) => Ok(&self.scratch[index as usize]),
            At::Missing => Err(MISSING),
            At::Unknown(code) => Err(code),
        }
    }
}
