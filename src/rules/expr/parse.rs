//! From words to a tree, by precedence climbing.

use std::ops::Range;

use super::lex::{Token, lex};
use crate::record::names::is_plain;

/// Deepest nesting of an expression: parsing and evaluation recurse.
const MAX_DEPTH: usize = 64;

/// A fault in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the expression's text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Fault {
    /// A fault without a mend.
    pub fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { span: span.clone(), message: message.into(), help: None }
    }
}

/// A part of an expression and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Ast {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the expression's text.
    pub span: Range<usize>,
}

/// The kinds of parts.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Kind {
    Number(f64),
    Text(String),
    Bool(bool),
    Field(String),
    List(Vec<Ast>),
    Not(Box<Ast>),
    Negate(Box<Ast>),
    Binary(Binary, Box<Ast>, Box<Ast>),
    Choose(Box<Ast>, Box<Ast>, Box<Ast>),
    Call(String, Vec<Ast>),
}

/// Operators of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Binary {
    fn read(token: &Token) -> Option<(Self, u8)> {
        use Binary::*;
        Some(match token {
            Token::Symbol("||") => (Or, 1),
            Token::Symbol("&&") => (And, 2),
            Token::Symbol("==") => (Equal, 3),
            Token::Symbol("!=") => (NotEqual, 3),
            Token::Symbol("<") => (Less, 3),
            Token::Symbol("<=") => (LessEqual, 3),
            Token::Symbol(">") => (Greater, 3),
            Token::Symbol(">=") => (GreaterEqual, 3),
            Token::Name(name) if name == "in" => (In, 3),
            Token::Symbol("+") => (Add, 4),
            Token::Symbol("-") => (Subtract, 4),
            Token::Symbol("*") => (Multiply, 5),
            Token::Symbol("/") => (Divide, 5),
            Token::Symbol("%") => (Remainder, 5),
            _ => return None,
        })
    }
}

/// Reads an expression.
///
/// # Errors
/// The first word that does not fit.
pub fn parse(text: &str) -> Result<Ast, Fault> {
    let mut parser = Parser { tokens: lex(text)?, at: 0, end: text.len(), depth: 0 };
    let ast = parser.expression()?;
    match parser.tokens.get(parser.at) {
        None => Ok(ast),
        Some((_, span)) => {
            let word = &text[span.clone()];
            let help = match word {
                "=" => Some("compare with `==`".to_owned()),
                "and" => Some("write `&&`".to_owned()),
                "or" => Some("write `||`".to_owned()),
                _ => None,
            };
            Err(Fault { help, ..Fault::new(span, format!("did not expect `{word}` here")) })
        }
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn place(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn eat(&mut self, symbol: &'static str) -> bool {
        let found = self.peek() == Some(&Token::Symbol(symbol));
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, symbol: &'static str) -> Result<usize, Fault> {
        let span = self.place();
        if self.eat(symbol) { Ok(span.end) } else { Err(Fault::new(&span, format!("expected `{symbol}`"))) }
    }

    fn expression(&mut self) -> Result<Ast, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(&self.place(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let condition = self.operators(1)?;
        let ast = if self.eat("?") {
            let yes = self.expression()?;
            self.need(":")?;
            let no = self.expression()?;
            let span = condition.span.start..no.span.end;
            Ast { kind: Kind::Choose(Box::new(condition), Box::new(yes), Box::new(no)), span }
        } else {
            condition
        };
        self.depth -= 1;
        Ok(ast)
    }

    fn operators(&mut self, lowest: u8) -> Result<Ast, Fault> {
        let mut left = self.unary()?;
        let mut chain = 0;
        while let Some((op, strength)) = self.peek().and_then(Binary::read).filter(|(_, s)| *s >= lowest) {
            // A chain of operators is a tree leaning left: as deep as it is long.
            chain += 1;
            if chain > MAX_DEPTH {
                return Err(Fault::new(&self.place(), format!("more than {MAX_DEPTH} operators in a row")));
            }
            self.at += 1;
            let right = self.operators(strength + 1)?;
            let span = left.span.start..right.span.end;
            left = Ast { kind: Kind::Binary(op, Box::new(left), Box::new(right)), span };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Ast, Fault> {
        let start = self.place().start;
        let wrap: fn(Box<Ast>) -> Kind = if self.eat("!") {
            Kind::Not
        } else if self.eat("-") {
            Kind::Negate
        } else {
            return self.primary();
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(&self.place(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let part = self.unary()?;
        self.depth -= 1;
        let span = start..part.span.end;
        Ok(Ast { kind: wrap(Box::new(part)), span })
    }

    fn primary(&mut self) -> Result<Ast, Fault> {
        let span = self.place();
        let Some(token) = self.peek().cloned() else { return Err(Fault::new(&span, "the expression ends too early")) };
        self.at += 1;
        let kind = match token {
            Token::Number(value) => Kind::Number(value),
            Token::Text(text) => Kind::Text(text),
            Token::Name(name) if name == "true" || name == "false" => Kind::Bool(name == "true"),
            Token::Name(name) if self.eat("(") => {
                let (arguments, end) = self.items(")")?;
                return Ok(Ast { kind: Kind::Call(name, arguments), span: span.start..end });
            }
            Token::Name(name) => return self.path(name, span),
            Token::Symbol("(") => {
                let inner = self.expression()?;
                let end = self.need(")")?;
                return Ok(Ast { kind: inner.kind, span: span.start..end });
            }
            Token::Symbol("[") => {
                let (items, end) = self.items("]")?;
                return Ok(Ast { kind: Kind::List(items), span: span.start..end });
            }
            Token::Symbol(symbol) => return Err(Fault::new(&span, format!("did not expect `{symbol}` here"))),
        };
        Ok(Ast { kind, span })
    }

    fn items(&mut self, close: &'static str) -> Result<(Vec<Ast>, usize), Fault> {
        let mut items = Vec::new();
        loop {
            let end = self.place().end;
            if self.eat(close) {
                return Ok((items, end));
            }
            if !items.is_empty() {
                self.need(",")?;
            }
            items.push(self.expression()?);
        }
    }

    /// `a.b["c d"][0]`, written canonically.
    fn path(&mut self, mut path: String, mut span: Range<usize>) -> Result<Ast, Fault> {
        loop {
            if self.eat(".") {
                let part = self.place();
                let Some(Token::Name(name)) = self.peek().cloned() else {
                    return Err(Fault::new(&part, "expected the name of a field"));
                };
                self.at += 1;
                path = format!("{path}.{}", folded(&path, &name));
                span.end = part.end;
            } else if self.eat("[") {
                let part = self.place();
                match self.peek().cloned() {
                    Some(Token::Text(key)) => {
                        let key = folded(&path, &key);
                        let plain = is_plain(&key);
                        let quoted = || format!("{path}[{}]", serde_json::Value::from(key.as_str()));
                        path = if plain { format!("{path}.{key}") } else { quoted() };
                    }
                    Some(Token::Number(n)) if n >= 0.0 && n.fract() == 0.0 => path = format!("{path}[{n}]"),
                    _ => return Err(Fault::new(&part, "expected a key in quotes or an index")),
                }
                self.at += 1;
                span.end = self.need("]")?;
            } else {
                return Ok(Ast { kind: Kind::Field(path), span });
            }
        }
    }
}

/// Names of metrics are compared trimmed and lower-cased.
fn folded(path: &str, key: &str) -> String {
    if path == "metrics" { crate::record::trim(key).to_lowercase() } else { key.to_owned() }
}
