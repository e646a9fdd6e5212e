//! From a tree to a program: names become registers, types are checked, macros are put in.

use std::ops::Range;

use super::arithmetic::{FALSE, TRUE};
use super::program::{Bit, Change, Layout, Likeness, Num, OWN, Op, Order, Pair, Part, Register, Str, Sum, TextList};
use super::{Ast, Binary, Fault, Kind, List, Program, Scope, Type, types};
use crate::record::prefix;

/// Deepest tree after macros are put in.
const MAX_DEPTH: usize = 200;

/// Longest text of a part that is kept for showing, bytes.
const PART_BYTES: usize = 400;

/// Most steps of one program: macros of macros could grow without end.
const MAX_STEPS: usize = 4_096;

/// Compiles a tree that must yield `want`; `text` is what it was parsed from. Its registers come behind those of `layout`,
/// which grows by them.
///
/// # Errors
/// The first part that does not fit, with its place in the text.
pub fn compile(
    ast: &Ast,
    text: &str,
    want: Type,
    scope: &mut dyn Scope,
    layout: &mut Layout,
) -> Result<Program, Fault> {
    let mut compiler = Compiler {
        scope,
        program: Program::empty(),
        layout: *layout,
        text,
        depth: 0,
        level: 0,
        locals: Vec::new(),
        inside: None,
        macros: 0,
    };
    let result = compiler.want(ast, want)?;
    *layout = compiler.layout;
    Ok(Program { result, ..compiler.program })
}

pub(super) fn arithmetic(op: Binary) -> Option<Sum> {
    Some(match op {
        Binary::Add => Sum::Add,
        Binary::Subtract => Sum::Subtract,
        Binary::Multiply => Sum::Multiply,
        Binary::Divide => Sum::Divide,
        Binary::Remainder => Sum::Remainder,
        _ => return None,
    })
}

fn comparison(op: Binary) -> Option<Order> {
    Some(match op {
        Binary::Equal => Order::Equal,
        Binary::NotEqual => Order::NotEqual,
        Binary::Less => Order::Less,
        Binary::LessEqual => Order::LessEqual,
        Binary::Greater => Order::Greater,
        Binary::GreaterEqual => Order::GreaterEqual,
        _ => return None,
    })
}

pub(super) struct Compiler<'a> {
    pub(super) scope: &'a mut dyn Scope,
    pub(super) program: Program,
    pub(super) layout: Layout,
    /// What the spans belong to.
    text: &'a str,
    depth: usize,
    level: usize,
    /// Names of samples.
    pub(super) locals: Vec<(String, Str)>,
    /// The macro whose text is compiled.
    inside: Option<String>,
    macros: usize,
}

impl Compiler<'_> {
    pub(super) fn fault(&self, span: &Range<usize>, message: impl Into<String>) -> Fault {
        Fault { inside: self.inside.clone(), ..Fault::new(span, message) }
    }

    fn mismatch(&self, found: Type, want: Type, span: &Range<usize>) -> Fault {
        self.fault(span, format!("expected {}, found {}", want.name(), found.name()))
    }

    pub(super) fn new_number(&mut self) -> Num {
        self.layout.numbers += 1;
        Num(OWN + self.layout.numbers - 1)
    }

    pub(super) fn new_bit(&mut self) -> Bit {
        self.layout.truths += 1;
        Bit(self.layout.truths - 1)
    }

    pub(super) fn new_text(&mut self) -> Str {
        self.layout.texts += 1;
        Str(OWN + self.layout.texts - 1)
    }

    pub(super) fn push(&mut self, op: Op, span: &Range<usize>) -> Result<(), Fault> {
        if self.program.ops.len() >= MAX_STEPS {
            let message = format!("with its macros put in the expression has more than {MAX_STEPS} parts");
            return Err(self.fault(span, message));
        }
        self.program.ops.push(op);
        Ok(())
    }

    pub(super) fn constant(&mut self, value: f64) -> Register {
        let known = self.program.numbers.iter().find(|(_, held)| held.to_bits() == value.to_bits());
        let register = known.map(|(register, _)| *register);
        Register::Number(register.unwrap_or_else(|| {
            let register = self.new_number();
            self.program.numbers.push((register, value));
            register
        }))
    }

    fn text_constant(&mut self, text: &str) -> Str {
        let register = self.new_text();
        self.program.texts.push((register, text.into()));
        register
    }

    fn truth_constant(&mut self, value: bool) -> Bit {
        let register = self.new_bit();
        self.program.truths.push((register, if value { TRUE } else { FALSE }));
        register
    }

    pub(super) fn number(&mut self, ast: &Ast) -> Result<Num, Fault> {
        match self.want(ast, Type::Number)? {
            Register::Number(number) => Ok(number),
            _ => Err(self.mismatch(Type::Bool, Type::Number, &ast.span)),
        }
    }

    pub(super) fn bit(&mut self, ast: &Ast) -> Result<Bit, Fault> {
        match self.want(ast, Type::Bool)? {
            Register::Truth(bit) => Ok(bit),
            _ => Err(self.mismatch(Type::Number, Type::Bool, &ast.span)),
        }
    }

    pub(super) fn string(&mut self, ast: &Ast) -> Result<Str, Fault> {
        match self.want(ast, Type::Text)? {
            Register::Text(text) => Ok(text),
            _ => Err(self.mismatch(Type::Number, Type::Text, &ast.span)),
        }
    }

    fn want(&mut self, ast: &Ast, want: Type) -> Result<Register, Fault> {
        let register = self.part(ast, Some(want))?;
        let found = kind_of(register);
        if found == want { Ok(register) } else { Err(self.mismatch(found, want, &ast.span)) }
    }

    /// Compiles a part, and notes where its value is.
    fn part(&mut self, ast: &Ast, want: Option<Type>) -> Result<Register, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self
                .fault(&ast.span, format!("with its macros put in the expression is deeper than {MAX_DEPTH} levels")));
        }
        let index = self.program.parts.len();
        let constant = matches!(ast.kind, Kind::Number(_) | Kind::Text(_) | Kind::Bool(_));
        self.program.parts.push(Part {
            level: self.level,
            // A long text in a macro that is used often would take up memory without end.
            text: prefix(self.text.get(ast.span.clone()).unwrap_or_default(), PART_BYTES).into(),
            register: Register::Truth(Bit(0)),
            constant,
            leaf: false,
            repeated: !self.locals.is_empty(),
        });
        self.level += 1;
        let register = self.kind(ast, want)?;
        self.level -= 1;
        self.depth -= 1;
        let made_of_truths =
            matches!(&ast.kind, Kind::Binary(Binary::And | Binary::Or, ..) | Kind::Not(_) | Kind::Choose(..));
        let part = &mut self.program.parts[index];
        part.register = register;
        part.leaf = matches!(register, Register::Truth(_)) && !made_of_truths && !constant;
        Ok(register)
    }

    fn kind(&mut self, ast: &Ast, want: Option<Type>) -> Result<Register, Fault> {
        let span = &ast.span;
        match &ast.kind {
            Kind::Number(value) => Ok(self.constant(*value)),
            Kind::Text(text) => Ok(Register::Text(self.text_constant(text))),
            Kind::Bool(value) => Ok(Register::Truth(self.truth_constant(*value))),
            Kind::List(_) => Err(self.fault(span, "a list may only stand to the right of `in`")),
            Kind::Field(path) => self.name(path, want, span),
            Kind::Not(part) => {
                let part = self.bit(part)?;
                let out = self.new_bit();
                self.push(Op::Not(out, part), span)?;
                Ok(Register::Truth(out))
            }
            Kind::Negate(part) => match part.kind {
                Kind::Number(value) => Ok(self.constant(-value)),
                _ => self.change(Change::Negate, part, span),
            },
            Kind::Binary(op, left, right) => self.binary(*op, left, right, span),
            Kind::Choose(condition, yes, no) => self.choose(condition, yes, no, want, span),
            Kind::Call(name, arguments) => self.call(name, arguments, span),
        }
    }

    pub(super) fn change(&mut self, op: Change, part: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        let part = self.number(part)?;
        let out = self.new_number();
        self.push(Op::Change(op, out, part), span)?;
        Ok(Register::Number(out))
    }

    /// A sample, a macro, or a field.
    fn name(&mut self, path: &str, want: Option<Type>, span: &Range<usize>) -> Result<Register, Fault> {
        if let Some((_, register)) = self.locals.iter().rev().find(|(name, _)| name == path) {
            return Ok(Register::Text(*register));
        }
        if let Some(named) = self.scope.macro_named(path) {
            return self.put_in(path, &named, want);
        }
        if self.scope.list_named(path).is_some() {
            return Err(self.fault(span, format!("the list `{path}` may only stand to the right of `in`")));
        }
        if let Some((message, help)) = self.scope.impossible(path) {
            return Err(self.fault(span, message).with_help(help));
        }
        if path == "samples" {
            let help = "such as samples.n, samples.exists(s, size(s) == 0)";
            return Err(self.fault(span, "`samples` is a list: ask for its size or its members").with_help(help));
        }
        let known = self.scope.known(path);
        match want.or(known) {
            Some(want) if known.is_some_and(|known| known != want) => {
                let what = known.map_or("", Type::name);
                Err(self.fault(span, format!("expected {}, found {what}: `{path}` is a {what}", want.name())))
            }
            Some(Type::Text) => Ok(Register::Text(Str(self.scope.text_slot(path) as u32))),
            // A JSON boolean is kept as the label `true` or `false`.
            Some(Type::Bool) => {
                let field = Str(self.scope.text_slot(path) as u32);
                let out = self.new_bit();
                self.push(Op::IsTrue(out, field), span)?;
                Ok(Register::Truth(out))
            }
            _ => Ok(Register::Number(Num(self.scope.number_slot(path) as u32))),
        }
    }

    fn put_in(&mut self, name: &str, named: &super::Macro, want: Option<Type>) -> Result<Register, Fault> {
        let mut inner = Compiler {
            scope: &mut *self.scope,
            program: std::mem::replace(&mut self.program, Program::empty()),
            layout: self.layout,
            text: &named.text,
            depth: self.depth,
            level: self.level,
            // A sample's name means nothing in a macro.
            locals: Vec::new(),
            inside: Some(name.to_owned()),
            macros: self.macros + 1,
        };
        if inner.macros > MAX_DEPTH {
            return Err(inner.fault(&named.ast.span, "macros are nested too deeply"));
        }
        let register = inner.part(&named.ast, want)?;
        (self.layout, self.program) = (inner.layout, inner.program);
        Ok(register)
    }

    fn binary(&mut self, op: Binary, left: &Ast, right: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        if let Some(sum) = arithmetic(op) {
            let (a, b) = (self.number(left)?, self.number(right)?);
            let out = self.new_number();
            self.push(Op::Sum(sum, out, a, b), span)?;
            return Ok(Register::Number(out));
        }
        match op {
            Binary::And | Binary::Or => self.logic(op, left, right, span),
            Binary::In => self.member(left, right, span),
            Binary::Equal | Binary::NotEqual => self.same(op, left, right, span),
            _ => {
                let (a, b) = (self.number(left)?, self.number(right)?);
                let out = self.new_bit();
                self.push(Op::Order(comparison(op).unwrap_or(Order::Equal), out, a, b), span)?;
                Ok(Register::Truth(out))
            }
        }
    }

    /// `&&` and `||`. The right side is left out when the left one decides, if it costs more than asking.
    fn logic(&mut self, op: Binary, left: &Ast, right: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        let a = self.bit(left)?;
        let decisive = if op == Binary::And { FALSE } else { TRUE };
        let skip = self.program.ops.len();
        self.push(Op::SkipIf(a, decisive, 0), span)?;
        let b = self.bit(right)?;
        let steps = &self.program.ops[skip + 1..];
        let costly =
            steps.iter().any(|op| matches!(op, Op::Matches(..) | Op::Each { .. } | Op::Lower(..) | Op::Likeness(..)));
        if costly || steps.len() > 8 {
            self.program.ops[skip] = Op::SkipIf(a, decisive, steps.len() as u32);
        } else {
            self.program.ops.remove(skip);
        }
        let out = self.new_bit();
        let op = if op == Binary::And { Op::And(out, a, b) } else { Op::Or(out, a, b) };
        self.push(op, span)?;
        Ok(Register::Truth(out))
    }

    /// `==` and `!=`. Whichever side has a type says what is compared.
    fn same(&mut self, op: Binary, left: &Ast, right: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        let want = self.type_of(left).or_else(|| self.type_of(right));
        let out = self.new_bit();
        let equal = match want {
            None => {
                let pair = self.pair(left, right)?;
                self.program.pairs.push(pair);
                Op::Same(out, self.program.pairs.len() as u32 - 1)
            }
            Some(Type::Number) => {
                let (a, b) = (self.number(left)?, self.number(right)?);
                self.push(Op::Order(comparison(op).unwrap_or(Order::Equal), out, a, b), span)?;
                return Ok(Register::Truth(out));
            }
            Some(Type::Bool) => Op::Equal(out, self.bit(left)?, self.bit(right)?),
            Some(Type::Text) => Op::Likeness(Likeness::Equal, out, self.string(left)?, self.string(right)?),
            Some(Type::List) => {
                return Err(self
                    .fault(span, "a list can't be compared")
                    .with_help("ask with `in`, such as model in trusted_models"));
            }
        };
        self.push(equal, span)?;
        if op == Binary::Equal {
            return Ok(Register::Truth(out));
        }
        let opposite = self.new_bit();
        self.push(Op::Not(opposite, out), span)?;
        Ok(Register::Truth(opposite))
    }

    fn type_of(&self, ast: &Ast) -> Option<Type> {
        types::within(ast, &*self.scope, &self.locals)
    }

    /// The field that a part names by itself.
    pub(super) fn field_of(&self, ast: &Ast) -> Option<String> {
        match &ast.kind {
            Kind::Field(path) if self.scope.macro_named(path).is_none() => Some(path.clone()),
            _ => None,
        }
    }

    /// Both sides as numbers and as texts, since only a record shows what they are.
    fn pair(&mut self, left: &Ast, right: &Ast) -> Result<Pair, Fault> {
        let numbers = (self.number(left)?, self.number(right)?);
        // What is shown of them are the numbers.
        let shown = self.program.parts.len();
        let texts = (self.string(left)?, self.string(right)?);
        self.program.parts.truncate(shown);
        Ok(Pair { numbers, texts })
    }

    fn choose(
        &mut self,
        condition: &Ast,
        yes: &Ast,
        no: &Ast,
        want: Option<Type>,
        span: &Range<usize>,
    ) -> Result<Register, Fault> {
        let condition = self.bit(condition)?;
        let want = want.or_else(|| self.type_of(yes)).or_else(|| self.type_of(no)).unwrap_or(Type::Number);
        let (register, op) = match want {
            Type::Bool => {
                let (a, b) = (self.bit(yes)?, self.bit(no)?);
                let out = self.new_bit();
                (Register::Truth(out), Op::ChooseTruth(out, condition, a, b))
            }
            Type::Text => {
                let (a, b) = (self.string(yes)?, self.string(no)?);
                let out = self.new_text();
                (Register::Text(out), Op::ChooseText(out, condition, a, b))
            }
            _ => {
                let (a, b) = (self.number(yes)?, self.number(no)?);
                let out = self.new_number();
                (Register::Number(out), Op::ChooseNumber(out, condition, a, b))
            }
        };
        self.push(op, span)?;
        Ok(register)
    }

    /// `x in [1, 2]`, `x in list`. A list with more than constants is a chain of `==`.
    fn member(&mut self, left: &Ast, right: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        let list = match &right.kind {
            Kind::List(items) if items.is_empty() => return Ok(Register::Truth(self.truth_constant(false))),
            Kind::List(items) => match types::constants(items) {
                Some(list) => list,
                None if items
                    .iter()
                    .all(|item| matches!(item.kind, Kind::Number(_) | Kind::Text(_) | Kind::Negate(_))) =>
                {
                    return Err(self.mixed(items));
                }
                None => return self.chain(left, items, span),
            },
            Kind::Field(name) => self.scope.list_named(name).ok_or_else(|| {
                let names = self.scope.list_names();
                let near = crate::yaml::did_you_mean(name, names.iter().map(String::as_str));
                let help = near.unwrap_or_else(|| "give it under `lists`, or write it out: [\"a\", \"b\"]".into());
                self.fault(&right.span, format!("there is no list `{name}`")).with_help(help)
            })?,
            _ => {
                return Err(self
                    .fault(&right.span, "expected a list")
                    .with_help("such as [\"a\", \"b\"], or the name of one of `lists`"));
            }
        };
        let out = self.new_bit();
        let op = match list {
            List::Numbers(mut numbers) => {
                let left = self.number(left)?;
                numbers.iter_mut().for_each(|number| *number += 0.0);
                numbers.sort_by(f64::total_cmp);
                self.program.number_lists.push(numbers);
                Op::AmongNumbers(out, left, self.program.number_lists.len() as u32 - 1)
            }
            List::Texts(texts) => {
                let left = self.string(left)?;
                self.program.text_lists.push(TextList::new(texts));
                Op::AmongTexts(out, left, self.program.text_lists.len() as u32 - 1)
            }
        };
        self.push(op, span)?;
        Ok(Register::Truth(out))
    }

    fn mixed(&self, items: &[Ast]) -> Fault {
        let first = items.first().and_then(|item| types::type_of(item, &*self.scope));
        let other = items.iter().find(|item| types::type_of(item, &*self.scope) != first);
        let span = other.map_or(0..0, |item| item.span.clone());
        self.fault(&span, "a list has either numbers or strings, not both")
    }

    fn chain(&mut self, left: &Ast, items: &[Ast], span: &Range<usize>) -> Result<Register, Fault> {
        let mut found: Option<Bit> = None;
        for item in items {
            let Register::Truth(one) = self.same(Binary::Equal, left, item, span)? else { continue };
            found = Some(match found {
                None => one,
                Some(before) => {
                    let out = self.new_bit();
                    self.push(Op::Or(out, before, one), span)?;
                    out
                }
            });
        }
        let none = |compiler: &mut Self| compiler.truth_constant(false);
        Ok(Register::Truth(found.unwrap_or_else(|| none(self))))
    }
}

fn kind_of(register: Register) -> Type {
    match register {
        Register::Number(_) => Type::Number,
        Register::Truth(_) => Type::Bool,
        Register::Text(_) => Type::Text,
    }
}
