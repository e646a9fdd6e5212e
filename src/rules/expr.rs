//! The expression language of `require`, `alert_if`, `when` and filters: a subset of CEL over the fields of a record.
//!
//! ```text
//! text ── lex ──► words ── parse ──► Ast ── compile ──► Program ── run ──► truth, and the value of every part
//! ```
//!
//! `arithmetic` says what every operator means; `run` applies a program to one record, `columns` the same program to many
//! at once. Logic is three-valued: a missing field makes a part missing, and `&&`, `||` decide without it where they can.
//! Dividing by zero is an error, which is counted and never passes silently.

pub mod arithmetic;
mod calls;
pub mod columns;
mod compile;
mod functions;
mod lex;
mod parse;
pub mod program;
mod run;
mod types;

pub use compile::compile;
pub use parse::{Ast, Binary, Fault, Kind, parse};
pub use program::{Layout, Program};
pub use run::{Machine, Truth, Value};
pub use types::type_of;

use std::sync::Arc;

/// What an expression yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// true or false
    Bool,
    /// a double
    Number,
    /// a label
    Text,
    /// a list of numbers or texts; only to the right of `in`
    List,
}

impl Type {
    /// The type's name in diagnostics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "list",
        }
    }
}

/// Whether a name is that of a function.
pub fn is_function(name: &str) -> bool {
    functions::Function::named(name).is_some()
}

/// A list of the rule file.
#[derive(Debug, Clone, PartialEq)]
pub enum List {
    /// Numbers.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<Box<str>>),
}

/// An expression that the file gave a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Macro {
    /// As it was parsed.
    pub ast: Ast,
    /// As it is written.
    pub text: String,
}

/// What names mean.
pub trait Scope {
    /// Slot of the number at `path`.
    fn number_slot(&mut self, path: &str) -> usize;
    /// Slot of the label at `path`.
    fn text_slot(&mut self, path: &str) -> usize;
    /// What a path is known to hold; `None` for a field that may be anything.
    fn known(&self, path: &str) -> Option<Type>;
    /// Why no record can have this field and what may have been meant, if it is known that none can.
    fn impossible(&self, path: &str) -> Option<(String, String)>;
    /// The macro of this name.
    fn macro_named(&self, name: &str) -> Option<Arc<Macro>>;
    /// The list of this name.
    fn list_named(&self, name: &str) -> Option<List>;
    /// The names of all lists.
    fn list_names(&self) -> Vec<String>;
}
