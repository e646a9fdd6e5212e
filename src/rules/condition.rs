//! An expression by itself, outside any rule: for filters and for trying things out.

use std::sync::Arc;

use super::expr::{self, Fault, List, Machine, Macro, Program, Scope, Truth, Type};
use super::schema::{impossible, known_type};
use super::slots::SlotMap;
use crate::record::Record;

/// A condition on the fields of a record alone.
#[derive(Debug, Clone)]
pub struct Condition {
    program: Program,
    numbers: SlotMap,
    texts: SlotMap,
    machine: Machine,
}

#[derive(Default)]
struct Fields {
    numbers: SlotMap,
    texts: SlotMap,
}

impl Scope for Fields {
    fn number_slot(&mut self, path: &str) -> usize {
        self.numbers.slot(path, &[path.to_owned()])
    }

    fn text_slot(&mut self, path: &str) -> usize {
        self.texts.slot(path, &[path.to_owned()])
    }

    fn known(&self, path: &str) -> Option<Type> {
        known_type(path)
    }

    fn impossible(&self, path: &str) -> Option<(String, String)> {
        impossible(path, false)
    }

    fn macro_named(&self, _: &str) -> Option<Arc<Macro>> {
        None
    }

    fn list_named(&self, _: &str) -> Option<List> {
        None
    }

    fn list_names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Condition {
    /// Compiles an expression that is true or false.
    ///
    /// # Errors
    /// The first part that does not fit, with its place in the text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let (mut fields, mut layout) = (Fields::default(), expr::Layout::default());
        let mut program = expr::compile(&expr::parse(text)?, text, Type::Bool, &mut fields, &mut layout)?;
        let Fields { numbers, texts } = fields;
        program.link(numbers.len() as u32, texts.len() as u32);
        let machine = Machine::new(numbers.len(), texts.len(), layout, std::iter::once(&program));
        Ok(Self { program, numbers, texts, machine })
    }

    /// What it comes to on a record.
    pub fn truth(&mut self, record: &Record) -> Truth {
        self.machine.clear();
        for (name, value) in &record.numbers {
            for slot in self.numbers.of_record(name.as_str()) {
                self.machine.offer_number(*slot, *value);
            }
        }
        for (index, (name, _)) in record.labels.iter().enumerate() {
            for slot in self.texts.of_record(name.as_str()).iter().copied() {
                if !self.machine.has_text(slot) {
                    self.machine.set_label(slot, index);
                }
            }
        }
        self.texts.of("key").iter().for_each(|slot| self.machine.set_key(*slot));
        for slot in self.numbers.of("samples.n") {
            self.machine.numbers[*slot] = record.samples.len() as f64;
        }
        self.machine.truth(&self.program, record)
    }

    /// The same once more on the record that it was asked of last: what a bench measures by itself.
    pub fn again(&mut self, record: &Record) -> Truth {
        self.machine.truth(&self.program, record)
    }

    /// Its program.
    pub fn program(&self) -> &Program {
        &self.program
    }
}
