//! The expression language of `require`: a subset of CEL over the fields of a record.
//!
//! `parse` reads text into a tree with spans; [`compile`] resolves fields to slots and checks types; [`Expr::eval`]
//! runs it without allocating. Logic is three-valued: a missing field makes a part missing, and `&&`, `||` decide
//! without it where they can. Dividing by zero is an error, which is counted and never passes silently.

mod eval;
mod lex;
mod parse;

use std::ops::Range;

pub use eval::{Slots, Truth, Value};
pub use parse::{Ast, Binary, Fault, Kind, parse};

use crate::yaml::did_you_mean;

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

/// A compiled expression: a tree over slots.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A constant.
    Number(f64),
    /// A constant.
    Bool(bool),
    /// A constant.
    Text(Box<str>),
    /// A number of the record.
    NumberSlot(usize),
    /// A label of the record.
    TextSlot(usize),
    /// Whether the record has the number, and whether it has the label.
    Has(usize, usize),
    /// `!`
    Not(Box<Expr>),
    /// `-`
    Negate(Box<Expr>),
    /// Two operands.
    Binary(Binary, Box<(Expr, Expr)>),
    /// `? :`
    Choose(Box<(Expr, Expr, Expr)>),
    /// `in`
    In(Box<Expr>, Vec<Expr>),
    /// A function of numbers.
    Call(Function, Vec<Expr>),
}

/// The functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `abs(x)`
    Abs,
    /// `min(x, y, …)`
    Min,
    /// `max(x, y, …)`
    Max,
    /// `round(x)`
    Round,
}

const FUNCTIONS: [(&str, Function); 4] =
    [("abs", Function::Abs), ("min", Function::Min), ("max", Function::Max), ("round", Function::Round)];

/// Where fields get their slots.
pub trait Resolve {
    /// Slot of the number at `path`.
    fn number_slot(&mut self, path: &str) -> usize;
    /// Slot of the label at `path`.
    fn text_slot(&mut self, path: &str) -> usize;
    /// Why no record can have this field, if it is known that none can.
    fn impossible(&self, path: &str) -> Option<String>;
}

/// Compiles a tree that must yield a bool.
///
/// # Errors
/// The first part that does not fit, with its place in the text.
pub fn compile(ast: &Ast, resolve: &mut dyn Resolve) -> Result<Expr, Fault> {
    let mut compiler = Compiler { resolve };
    let (expr, found) = compiler.typed(ast, Some(Type::Bool))?;
    expect(found, Type::Bool, &ast.span)?;
    Ok(expr)
}

fn expect(found: Type, want: Type, span: &Range<usize>) -> Result<(), Fault> {
    if found == want {
        return Ok(());
    }
    Err(Fault::new(span, format!("expected {}, found {}", want.name(), found.name())))
}

struct Compiler<'a> {
    resolve: &'a mut dyn Resolve,
}

impl Compiler<'_> {
    /// Compiles a part. A field is what its surroundings want it to be: `want` says what that is, a number if nothing does.
    fn typed(&mut self, ast: &Ast, want: Option<Type>) -> Result<(Expr, Type), Fault> {
        match &ast.kind {
            Kind::Number(value) => Ok((Expr::Number(*value), Type::Number)),
            Kind::Text(text) => Ok((Expr::Text(text.as_str().into()), Type::Text)),
            Kind::Bool(value) => Ok((Expr::Bool(*value), Type::Bool)),
            Kind::List(_) => Err(Fault::new(&ast.span, "a list may only stand to the right of `in`")),
            Kind::Field(path) => self.field(path, want, &ast.span),
            Kind::Not(part) => Ok((Expr::Not(Box::new(self.want(part, Type::Bool)?)), Type::Bool)),
            Kind::Negate(part) => Ok((Expr::Negate(Box::new(self.want(part, Type::Number)?)), Type::Number)),
            Kind::Binary(op, left, right) => self.binary(*op, left, right),
            Kind::Choose(condition, yes, no) => {
                let condition = self.want(condition, Type::Bool)?;
                let (yes, found) = self.typed(yes, want)?;
                let no = self.want(no, found)?;
                Ok((Expr::Choose(Box::new((condition, yes, no))), found))
            }
            Kind::Call(name, arguments) => self.call(name, arguments, &ast.span),
        }
    }

    fn want(&mut self, ast: &Ast, want: Type) -> Result<Expr, Fault> {
        let (expr, found) = self.typed(ast, Some(want))?;
        expect(found, want, &ast.span)?;
        Ok(expr)
    }

    fn field(&mut self, path: &str, want: Option<Type>, span: &Range<usize>) -> Result<(Expr, Type), Fault> {
        if let Some(why) = self.resolve.impossible(path) {
            return Err(Fault::new(span, why));
        }
        match want {
            Some(Type::Text) => Ok((Expr::TextSlot(self.resolve.text_slot(path)), Type::Text)),
            // A JSON boolean is kept as the label `true` or `false`.
            Some(Type::Bool) => {
                let slot = Expr::TextSlot(self.resolve.text_slot(path));
                Ok((Expr::Binary(Binary::Equal, Box::new((slot, Expr::Text("true".into())))), Type::Bool))
            }
            _ => Ok((Expr::NumberSlot(self.resolve.number_slot(path)), Type::Number)),
        }
    }

    fn binary(&mut self, op: Binary, left: &Ast, right: &Ast) -> Result<(Expr, Type), Fault> {
        use Binary::{Add, And, Divide, Equal, In, Multiply, NotEqual, Or, Remainder, Subtract};
        let pair = match op {
            And | Or => (self.want(left, Type::Bool)?, self.want(right, Type::Bool)?),
            In => return self.member(left, right),
            Equal | NotEqual => {
                // Whichever side is not a bare field says what is compared. Each side is compiled once: compiling it
                // again at every level of a chain would take exponential time.
                if matches!(left.kind, Kind::Field(_)) {
                    let (second, want) = self.typed(right, None)?;
                    (self.want(left, want)?, second)
                } else {
                    let (first, want) = self.typed(left, None)?;
                    (first, self.want(right, want)?)
                }
            }
            _ => (self.want(left, Type::Number)?, self.want(right, Type::Number)?),
        };
        let yields = match op {
            Add | Subtract | Multiply | Divide | Remainder => Type::Number,
            _ => Type::Bool,
        };
        Ok((Expr::Binary(op, Box::new(pair)), yields))
    }

    fn member(&mut self, left: &Ast, right: &Ast) -> Result<(Expr, Type), Fault> {
        let Kind::List(items) = &right.kind else {
            return Err(Fault::new(&right.span, "expected a list, such as [\"a\", \"b\"]"));
        };
        let Some((first, rest)) = items.split_first() else { return Ok((Expr::Bool(false), Type::Bool)) };
        let (first, want) = self.typed(first, None)?;
        let mut items = vec![first];
        for item in rest {
            items.push(self.want(item, want)?);
        }
        Ok((Expr::In(Box::new(self.want(left, want)?), items), Type::Bool))
    }

    fn call(&mut self, name: &str, arguments: &[Ast], span: &Range<usize>) -> Result<(Expr, Type), Fault> {
        if name == "has" {
            let [Ast { kind: Kind::Field(path), .. }] = arguments else {
                return Err(Fault::new(span, "has() takes one field, such as has(metrics.pressure)"));
            };
            let slots = (self.resolve.number_slot(path), self.resolve.text_slot(path));
            return Ok((Expr::Has(slots.0, slots.1), Type::Bool));
        }
        let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            let known = || FUNCTIONS.iter().map(|(known, _)| *known).chain(["has"]);
            let help = did_you_mean(name, known())
                .unwrap_or_else(|| format!("known here: {}", known().collect::<Vec<_>>().join(", ")));
            return Err(Fault { help: Some(help), ..Fault::new(span, format!("unknown function `{name}`")) });
        };
        let enough = match function {
            Function::Abs | Function::Round => arguments.len() == 1,
            Function::Min | Function::Max => !arguments.is_empty(),
        };
        if !enough {
            return Err(Fault::new(span, format!("wrong number of arguments for {name}()")));
        }
        let arguments = arguments.iter().map(|a| self.want(a, Type::Number)).collect::<Result<_, _>>()?;
        Ok((Expr::Call(*function, arguments), Type::Number))
    }
}
