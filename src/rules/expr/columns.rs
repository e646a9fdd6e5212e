//! Runs numeric programs over many records at once, a block of rows at a time: the work of a backtest.
//!
//! It means the same as `run`, since both ask `arithmetic` what an operator means; only the order is another: one step
//! over a whole block, then the next step.

use super::arithmetic::{self as meaning, ABSENT, MISSING};
use super::program::{Bit, Num, Op, Order, Program, Register, Sum};

/// Rows of a block: what a program works on stays in the first-level cache.
pub const BLOCK: usize = 512;

/// The registers of one program, a block of rows each.
#[derive(Debug)]
pub struct Blocks {
    numbers: Vec<Vec<f64>>,
    truths: Vec<Vec<u8>>,
}

/// Where the values of slots come from.
pub trait Slots {
    /// The values of a slot in the rows `from..from + n`; `None` if no row has any.
    fn slot(&self, slot: usize, from: usize, n: usize) -> Option<&[f64]>;
}

static NOTHING: [f64; BLOCK] = [ABSENT; BLOCK];

impl Blocks {
    /// Registers for a program that was linked behind `slots` slots.
    pub fn new(program: &Program, slots: usize) -> Self {
        let highest = |register: &Num| register.0 as usize + 1;
        let written = program.ops.iter().filter_map(|op| match op {
            Op::Sum(_, out, ..) | Op::Change(_, out, _) | Op::ChooseNumber(out, ..) => Some(highest(out)),
            _ => None,
        });
        let numbers = written.chain(program.numbers.iter().map(|(at, _)| highest(at))).max().unwrap_or(slots);
        let bits = program.ops.iter().filter_map(|op| match op {
            Op::Order(_, out, ..)
            | Op::AmongNumbers(out, ..)
            | Op::Not(out, _)
            | Op::And(out, ..)
            | Op::Or(out, ..)
            | Op::Equal(out, ..)
            | Op::ChooseTruth(out, ..) => Some(out.0 as usize + 1),
            _ => None,
        });
        let truths = bits.chain(program.truths.iter().map(|(at, _)| at.0 as usize + 1)).max().unwrap_or(0);
        let mut blocks = Self { numbers: vec![Vec::new(); numbers], truths: vec![Vec::new(); truths] };
        for (at, value) in &program.numbers {
            blocks.numbers[at.0 as usize] = vec![*value; BLOCK];
        }
        for (at, value) in &program.truths {
            blocks.truths[at.0 as usize] = vec![*value; BLOCK];
        }
        blocks
    }

    /// Runs a numeric condition over the rows `from..from + n`, of which there are at most [`BLOCK`], and gives back
    /// the codes of the truths.
    pub fn run(&mut self, program: &Program, slots: &dyn Slots, from: usize, n: usize) -> &[u8] {
        for op in &program.ops {
            match *op {
                Op::Sum(op, out, a, b) => self.write_number(out, n, |blocks, values| {
                    sums(op, blocks.number(a, slots, from, n), blocks.number(b, slots, from, n), values);
                }),
                Op::Change(op, out, a) => self.write_number(out, n, |blocks, values| {
                    values.extend(blocks.number(a, slots, from, n).iter().map(|a| meaning::change(op, *a)));
                }),
                Op::ChooseNumber(out, condition, a, b) => self.write_number(out, n, |blocks, values| {
                    let (a, b) = (blocks.number(a, slots, from, n), blocks.number(b, slots, from, n));
                    let choices = blocks.truth(condition, n).iter().zip(a.iter().zip(b));
                    values.extend(choices.map(|(c, (a, b))| meaning::choose_number(*c, *a, *b)));
                }),
                Op::Order(op, out, a, b) => self.write_truth(out, n, |blocks, values| {
                    orders(op, blocks.number(a, slots, from, n), blocks.number(b, slots, from, n), values);
                }),
                Op::AmongNumbers(out, a, list) => self.write_truth(out, n, |blocks, values| {
                    let list = &program.number_lists[list as usize];
                    values.extend(blocks.number(a, slots, from, n).iter().map(|a| meaning::among(*a, list)));
                }),
                Op::Not(out, a) => self.write_truth(out, n, |blocks, values| {
                    values.extend(blocks.truth(a, n).iter().map(|a| meaning::not(*a)));
                }),
                Op::And(out, a, b) => self.write_pair(out, a, b, n, meaning::and),
                Op::Or(out, a, b) => self.write_pair(out, a, b, n, meaning::or),
                Op::Equal(out, a, b) => self.write_pair(out, a, b, n, meaning::equal),
                Op::ChooseTruth(out, condition, a, b) => self.write_truth(out, n, |blocks, values| {
                    let choices = blocks.truth(a, n).iter().zip(blocks.truth(b, n));
                    let choices = blocks.truth(condition, n).iter().zip(choices);
                    values.extend(choices.map(|(c, (a, b))| meaning::choose(*c, *a, *b)));
                }),
                // All are computed: numbers are cheaper than asking. What is about texts is no numeric program.
                _ => {}
            }
        }
        match program.result {
            Register::Truth(bit) => self.truth(bit, n),
            _ => &[],
        }
    }

    fn number<'a>(&'a self, register: Num, slots: &'a dyn Slots, from: usize, n: usize) -> &'a [f64] {
        match self.numbers.get(register.0 as usize) {
            Some(own) if !own.is_empty() => &own[..n],
            _ => slots.slot(register.0 as usize, from, n).unwrap_or(&NOTHING[..n]),
        }
    }

    fn truth(&self, register: Bit, n: usize) -> &[u8] {
        static NONE: [u8; BLOCK] = [MISSING; BLOCK];
        self.truths.get(register.0 as usize).and_then(|own| own.get(..n)).unwrap_or(&NONE[..n])
    }

    fn write_number(&mut self, out: Num, n: usize, write: impl FnOnce(&Self, &mut Vec<f64>)) {
        // No step reads what it writes: its block can be taken out for as long.
        let mut values = std::mem::take(&mut self.numbers[out.0 as usize]);
        values.clear();
        values.reserve(n);
        write(self, &mut values);
        self.numbers[out.0 as usize] = values;
    }

    fn write_truth(&mut self, out: Bit, n: usize, write: impl FnOnce(&Self, &mut Vec<u8>)) {
        let mut values = std::mem::take(&mut self.truths[out.0 as usize]);
        values.clear();
        values.reserve(n);
        write(self, &mut values);
        self.truths[out.0 as usize] = values;
    }

    fn write_pair(&mut self, out: Bit, a: Bit, b: Bit, n: usize, meaning: impl Fn(u8, u8) -> u8) {
        self.write_truth(out, n, |blocks, values| {
            values.extend(blocks.truth(a, n).iter().zip(blocks.truth(b, n)).map(|(a, b)| meaning(*a, *b)));
        });
    }
}

/// All sums of a block. The plain operator runs over the whole block at once; only where that is no number is it asked
/// what it means.
fn sums(op: Sum, a: &[f64], b: &[f64], values: &mut Vec<f64>) {
    let pairs = a.iter().zip(b);
    match op {
        Sum::Add => values.extend(pairs.map(|(a, b)| a + b)),
        Sum::Subtract => values.extend(pairs.map(|(a, b)| a - b)),
        Sum::Multiply => values.extend(pairs.map(|(a, b)| a * b)),
        Sum::Divide if b.iter().fold(true, |all, b| all & (*b != 0.0)) => values.extend(pairs.map(|(a, b)| a / b)),
        // A quotient by zero is a number to the processor.
        _ => return values.extend(pairs.map(|(a, b)| meaning::sum(op, *a, *b))),
    }
    if values.iter().fold(false, |any, value| any | value.is_nan()) {
        for (value, (a, b)) in values.iter_mut().zip(a.iter().zip(b)).filter(|(value, _)| value.is_nan()) {
            *value = meaning::sum(op, *a, *b);
        }
    }
}

/// All comparisons of a block, in the same way.
fn orders(op: Order, a: &[f64], b: &[f64], values: &mut Vec<u8>) {
    let pairs = a.iter().zip(b);
    if pairs.clone().fold(false, |any, (a, b)| any | a.is_nan() | b.is_nan()) {
        return values.extend(pairs.map(|(a, b)| meaning::order(op, *a, *b)));
    }
    match op {
        Order::Equal => values.extend(pairs.map(|(a, b)| u8::from(a == b))),
        Order::NotEqual => values.extend(pairs.map(|(a, b)| u8::from(a != b))),
        Order::Less => values.extend(pairs.map(|(a, b)| u8::from(a < b))),
        Order::LessEqual => values.extend(pairs.map(|(a, b)| u8::from(a <= b))),
        Order::Greater => values.extend(pairs.map(|(a, b)| u8::from(a > b))),
        Order::GreaterEqual => values.extend(pairs.map(|(a, b)| u8::from(a >= b))),
    }
}
