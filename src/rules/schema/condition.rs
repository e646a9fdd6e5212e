//! `require` and `alert_if`, and whatever else is an expression.

use std::collections::BTreeSet;

use super::scope::{Fields, FileScope};
use crate::rules::expr::program::{Bit, Num, Op, Register};
use crate::rules::expr::{self, Ast, Binary, Kind, Program, Scope, Type};
use crate::rules::ruleset::{About, Check, Condition};
use crate::yaml::Node;

pub(super) fn read(
    node: &Node<'_>,
    must_hold: bool,
    fields: &mut Fields<'_, '_>,
    scope: &FileScope<'_>,
) -> Option<Check> {
    let text = node.string()?;
    let program = compile(node, text, Type::Bool, fields, scope)?;
    let ast = expr::parse(text).ok()?;
    if !reads_anything(&program) {
        node.fault("the condition reads no field: it is the same on every record", None);
        return None;
    }
    let mut about = Vec::new();
    collect(&ast, text, &program, must_hold, fields, &mut about);
    let field =
        about.first().map(|about| about.field.to_string()).or_else(|| first_field(&ast, fields)).unwrap_or_default();
    let slot = match fields.known(&field) {
        _ if field.is_empty() || field == "samples" => None,
        Some(Type::Text) => None,
        _ => Some(fields.number_slot(&field)),
    };
    let condition = Condition { program, text: text.to_owned(), must_hold, about, field: field.as_str().into(), slot };
    Some(Check::Condition(Box::new(condition)))
}

/// Compiles an expression that stands in `node`, or reports what is wrong with it.
pub(super) fn compile(
    node: &Node<'_>,
    text: &str,
    want: Type,
    fields: &mut Fields<'_, '_>,
    scope: &FileScope<'_>,
) -> Option<Program> {
    let mut layout = fields.set.layout;
    let compiled = expr::parse(text).and_then(|ast| expr::compile(&ast, text, want, fields, &mut layout));
    fields.set.layout = layout;
    compiled.map_err(|fault| scope.report(node, &fault)).ok()
}

fn reads_anything(program: &Program) -> bool {
    program.parts.iter().any(|part| !part.constant && !matches!(part.register, Register::Truth(_)))
        || program.has_questions()
}

impl Condition {
    /// Whether it reads a number's slot.
    pub fn reads(&self, slot: usize) -> bool {
        self.program.parts.iter().any(|part| part.register == Register::Number(Num(slot as u32)))
    }
}

/// The paths that a condition only asks for with `has()`, and reads nowhere.
pub(super) fn only_asked_for(check: &Option<Check>, fields: &Fields<'_, '_>) -> Vec<String> {
    let Some(Check::Condition(condition)) = check else { return Vec::new() };
    let Ok(ast) = expr::parse(&condition.text) else { return Vec::new() };
    let mut uses = Uses::default();
    uses.look(&ast, fields);
    uses.asked.into_iter().filter(|path| !uses.read.contains(path)).collect()
}

/// How paths are used.
#[derive(Default)]
struct Uses {
    asked: BTreeSet<String>,
    read: BTreeSet<String>,
    macros: BTreeSet<String>,
}

impl Uses {
    fn look(&mut self, ast: &Ast, fields: &Fields<'_, '_>) {
        match &ast.kind {
            Kind::Call(name, parts) if name == "has" => {
                self.asked.extend(parts.iter().filter_map(|part| match &part.kind {
                    Kind::Field(path) => Some(path.clone()),
                    _ => None,
                }));
            }
            Kind::Field(path) => match fields.macro_named(path) {
                Some(named) if self.macros.insert(path.clone()) => self.look(&named.ast, fields),
                Some(_) => {}
                None => drop(self.read.insert(path.clone())),
            },
            Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) => {}
            Kind::Not(part) | Kind::Negate(part) => self.look(part, fields),
            Kind::Binary(_, left, right) => [left, right].into_iter().for_each(|part| self.look(part, fields)),
            Kind::Choose(a, b, c) => [a, b, c].into_iter().for_each(|part| self.look(part, fields)),
            Kind::List(parts) | Kind::Call(_, parts) => parts.iter().for_each(|part| self.look(part, fields)),
        }
    }
}

/// The comparisons of a field that alone can be at fault: what `&&`, `||` and `!` lead to.
fn collect(ast: &Ast, text: &str, program: &Program, holds: bool, fields: &mut Fields<'_, '_>, about: &mut Vec<About>) {
    match &ast.kind {
        Kind::Not(part) => collect(part, text, program, !holds, fields, about),
        Kind::Binary(Binary::And | Binary::Or, left, right) => {
            collect(left, text, program, holds, fields, about);
            collect(right, text, program, holds, fields, about);
        }
        Kind::Binary(op, left, right) => {
            let Some((at, register)) = part_of(program, &text[ast.span.clone()]) else { return };
            let Register::Truth(bit) = register else { return };
            about.extend(compared(*op, (left, right), text, (program, at, bit), holds, fields));
        }
        _ => {}
    }
}

/// The first part that is written so, and its register.
fn part_of(program: &Program, text: &str) -> Option<(usize, Register)> {
    let at = program.parts.iter().position(|part| *part.text == *text)?;
    Some((at, program.parts[at].register))
}

fn compared(
    op: Binary,
    sides: (&Ast, &Ast),
    text: &str,
    (program, at, bit): (&Program, usize, Bit),
    holds: bool,
    fields: &mut Fields<'_, '_>,
) -> Option<About> {
    use Binary::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    let (left, right) = sides;
    let is_field = |ast: &Ast, fields: &Fields<'_, '_>| match &ast.kind {
        Kind::Field(path) if fields.macro_named(path).is_none() => Some(path.clone()),
        _ => None,
    };
    let (path, other, from_left) = match (is_field(left, fields), is_field(right, fields)) {
        (Some(path), _) => (path, right, true),
        (None, Some(path)) => (path, left, false),
        _ => return None,
    };
    // How it reads when the comparison is true, from the field's side; and when it is false.
    let (yes, no) = match (op, from_left) {
        (Less, true) | (Greater, false) => ("<", "≥"),
        (LessEqual, true) | (GreaterEqual, false) => ("≤", ">"),
        (Greater, true) | (Less, false) => (">", "≤"),
        (GreaterEqual, true) | (LessEqual, false) => ("≥", "<"),
        (Equal, _) => ("=", "≠"),
        (NotEqual, _) => ("≠", "="),
        _ => return None,
    };
    let Register::Number(field_register) = program
        .parts
        .get(at + 1..)?
        .iter()
        .find(|part| *part.text == text[if from_left { left } else { right }.span.clone()])?
        .register
    else {
        return None;
    };
    let other_text = &text[other.span.clone()];
    let Register::Number(other_register) =
        program.parts.get(at + 1..)?.iter().find(|part| *part.text == *other_text)?.register
    else {
        return None;
    };
    let plain = matches!(other.kind, Kind::Number(_) | Kind::Negate(_));
    Some(About {
        field: path.as_str().into(),
        slot: field_register.0 as usize,
        bit,
        at_fault: !holds,
        sign: if holds { no } else { yes },
        other: other_register,
        other_text: (!plain).then(|| other_text.to_owned()),
    })
}

fn first_field(ast: &Ast, fields: &Fields<'_, '_>) -> Option<String> {
    match &ast.kind {
        Kind::Field(path) => match fields.macro_named(path) {
            Some(named) => first_field(&named.ast, fields),
            None => fields.list_named(path).is_none().then(|| path.clone()),
        },
        Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) => None,
        Kind::Not(part) | Kind::Negate(part) => first_field(part, fields),
        Kind::Binary(_, left, right) => first_field(left, fields).or_else(|| first_field(right, fields)),
        Kind::Choose(a, b, c) => [a, b, c].into_iter().find_map(|part| first_field(part, fields)),
        Kind::List(parts) | Kind::Call(_, parts) => parts.iter().find_map(|part| first_field(part, fields)),
    }
}

impl Program {
    /// Whether it asks anything of the record beyond comparing constants.
    fn has_questions(&self) -> bool {
        self.ops().iter().any(|op| {
            matches!(
                op,
                Op::HasNumber(..)
                    | Op::HasText(..)
                    | Op::Same(..)
                    | Op::IsTrue(..)
                    | Op::Likeness(..)
                    | Op::Matches(..)
                    | Op::AmongTexts(..)
                    | Op::Each { .. }
            )
        })
    }
}
