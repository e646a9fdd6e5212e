//! From words to a tree, by precedence climbing.

use std::ops::Range;

use super::lex::{Token, lex};
use crate::record::names;

/// Deepest tree of an expression: parsing, compiling and dropping it recurse.
const MAX_DEPTH: u32 = 100;

/// A fault in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the expression's text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// The macro in whose text it is.
    pub inside: Option<String>,
}

impl Fault {
    /// A fault without a mend.
    pub fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { span: span.clone(), message: message.into(), help: None, inside: None }
    }

    /// The same, with a mend.
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A part of an expression and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Ast {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the expression's text.
    pub span: Range<usize>,
    /// Levels of the tree from here down, itself included.
    depth: u32,
}

impl Ast {
    fn new(kind: Kind, span: Range<usize>) -> Result<Self, Fault> {
        let deepest = |parts: &[Ast]| parts.iter().map(|part| part.depth).max().unwrap_or(0);
        let below = match &kind {
            Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) | Kind::Field(_) => 0,
            Kind::Not(part) | Kind::Negate(part) => part.depth,
            Kind::Binary(_, left, right) => left.depth.max(right.depth),
            Kind::Choose(condition, yes, no) => condition.depth.max(yes.depth).max(no.depth),
            Kind::List(parts) | Kind::Call(_, parts) => deepest(parts),
        };
        if below >= MAX_DEPTH {
            return Err(too_deep(&span));
        }
        Ok(Self { kind, span, depth: below + 1 })
    }
}

fn too_deep(span: &Range<usize>) -> Fault {
    let message = format!("the expression is nested deeper than {MAX_DEPTH} levels, or has as many operators in a row");
    Fault::new(span, message).with_help("give parts of it a name under `macros`, or use a list with `in`")
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
                "and" | "AND" => Some("write `&&`".to_owned()),
                "or" | "OR" => Some("write `||`".to_owned()),
                "is" => Some("compare with `==`".to_owned()),
                "not" => Some("write `!(… in …)`".to_owned()),
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
    depth: u32,
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

    /// One level down: the parser's own recursion is bounded before any tree is there.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(&self.place()));
        }
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn expression(&mut self) -> Result<Ast, Fault> {
        self.deeper(|parser| {
            let condition = parser.operators(1)?;
            if !parser.eat("?") {
                return Ok(condition);
            }
            let yes = parser.expression()?;
            parser.need(":")?;
            let no = parser.expression()?;
            let span = condition.span.start..no.span.end;
            Ast::new(Kind::Choose(Box::new(condition), Box::new(yes), Box::new(no)), span)
        })
    }

    fn operators(&mut self, lowest: u8) -> Result<Ast, Fault> {
        let mut left = self.unary()?;
        while let Some((op, strength)) = self.peek().and_then(Binary::read).filter(|(_, s)| *s >= lowest) {
            self.at += 1;
            let right = self.operators(strength + 1)?;
            let span = left.span.start..right.span.end;
            left = Ast::new(Kind::Binary(op, Box::new(left), Box::new(right)), span)?;
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
            return self.postfix();
        };
        let part = self.deeper(Self::unary)?;
        let span = start..part.span.end;
        Ast::new(wrap(Box::new(part)), span)
    }

    /// A primary, and the methods that are called on it: `x.startsWith("a")` is `startsWith(x, "a")`.
    fn postfix(&mut self) -> Result<Ast, Fault> {
        let mut receiver = self.primary()?;
        while self.peek() == Some(&Token::Symbol(".")) {
            self.at += 1;
            let span = self.place();
            let Some(Token::Name(name)) = self.peek().cloned() else {
                return Err(Fault::new(&span, "expected the name of a function"));
            };
            self.at += 1;
            if !self.eat("(") {
                return Err(Fault::new(&span, format!("`{name}` is called with brackets: {name}(…)")));
            }
            let (mut arguments, end) = self.items(")")?;
            let whole = receiver.span.start..end;
            arguments.insert(0, receiver);
            receiver = Ast::new(Kind::Call(name, arguments), whole)?;
        }
        Ok(receiver)
    }

    fn primary(&mut self) -> Result<Ast, Fault> {
        let span = self.place();
        let Some(token) = self.peek().cloned() else { return Err(Fault::new(&span, "the expression ends too early")) };
        self.at += 1;
        let kind = match token {
            Token::Number(value) => Kind::Number(value),
            Token::Text(text) => Kind::Text(text),
            Token::Name(name) if name == "true" || name == "false" => Kind::Bool(name == "true"),
            Token::Name(name) if name == "not" => {
                return Err(Fault::new(&span, "did not expect `not` here").with_help("write `!(…)`"));
            }
            Token::Name(name) if self.eat("(") => {
                let (arguments, end) = self.items(")")?;
                return Ast::new(Kind::Call(name, arguments), span.start..end);
            }
            Token::Name(name) => return self.path(name, span),
            Token::Root => return self.path(String::new(), span),
            Token::Symbol("(") => {
                let inner = self.expression()?;
                let end = self.need(")")?;
                return Ok(Ast { span: span.start..end, ..inner });
            }
            Token::Symbol("[") => {
                let (items, end) = self.items("]")?;
                return Ast::new(Kind::List(items), span.start..end);
            }
            Token::Symbol(symbol) => return Err(Fault::new(&span, format!("did not expect `{symbol}` here"))),
        };
        Ast::new(kind, span)
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

    /// `a.b["c d"][0]`, written canonically. A name that is called is a method, not a part of the path.
    fn path(&mut self, mut path: String, mut span: Range<usize>) -> Result<Ast, Fault> {
        loop {
            let called = matches!(
                self.tokens.get(self.at + 1..self.at + 3),
                Some([(Token::Name(_), _), (Token::Symbol("("), _)])
            );
            if self.peek() == Some(&Token::Symbol(".")) && !called {
                self.at += 1;
                let part = self.place();
                let Some(Token::Name(name)) = self.peek().cloned() else {
                    return Err(Fault::new(&part, "expected the name of a field"));
                };
                self.at += 1;
                path = names::join(&path, &name);
                span.end = part.end;
            } else if self.eat("[") {
                let part = self.place();
                match self.peek().cloned() {
                    Some(Token::Text(key)) => path = names::join(&path, &key),
                    Some(Token::Number(n)) if n >= 0.0 && n.fract() == 0.0 => path = format!("{path}[{n}]"),
                    _ => return Err(Fault::new(&part, "expected a key in quotes or an index")),
                }
                self.at += 1;
                span.end = self.need("]")?;
            } else if path.is_empty() {
                return Err(
                    Fault::new(&span, "`$` is the record: name a field of it").with_help("such as $[\"agent-id\"]")
                );
            } else {
                return Ast::new(Kind::Field(path), span);
            }
        }
    }
}
