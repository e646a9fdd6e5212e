//! Compiling calls of functions.

use std::ops::Range;

use regex::RegexBuilder;

use super::compile::Compiler;
use super::functions::Function;
use super::program::{Change, Likeness, Num, Op, Order, Pattern, Register, Str, Sum};
use super::{Ast, Fault, Kind, Type};

/// Deepest nesting of `samples.all` and `samples.exists`: each level multiplies what a record costs.
const MAX_LOOPS: usize = 2;

/// Most bytes that a regular expression may take once it is compiled.
const PATTERN_BYTES: usize = 512 << 10;

/// Most regular expressions of all rules together.
const MOST_PATTERNS: u32 = 500;

impl Compiler<'_> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Ast], span: &Range<usize>) -> Result<Register, Fault> {
        let Some(function) = Function::named(name) else {
            return Err(self.fault(span, format!("unknown function `{name}`")).with_help(Function::near(name)));
        };
        if !function.takes(arguments.len()) {
            let message = format!("wrong number of arguments for {name}()");
            return Err(self.fault(span, message).with_help(format!("it is used like {}", function.usage())));
        }
        match function {
            Function::Has => self.has(&arguments[0], span),
            Function::Size => self.size(&arguments[0], span),
            Function::Abs => self.change(Change::Abs, &arguments[0], span),
            Function::Round => self.change(Change::Round, &arguments[0], span),
            Function::Min => self.fold(Sum::Min, arguments, span),
            Function::Max => self.fold(Sum::Max, arguments, span),
            Function::Lower => {
                let text = self.string(&arguments[0])?;
                let out = self.new_text();
                self.layout.scratch += 1;
                self.push(Op::Lower(out, text, self.layout.scratch - 1), span)?;
                Ok(Register::Text(out))
            }
            Function::Contains => self.likeness(Likeness::Contains, arguments, span),
            Function::StartsWith => self.likeness(Likeness::StartsWith, arguments, span),
            Function::EndsWith => self.likeness(Likeness::EndsWith, arguments, span),
            Function::Matches => self.matches(&arguments[0], &arguments[1], span),
            Function::All => self.each(arguments, true, span),
            Function::Exists => self.each(arguments, false, span),
            Function::Duration => self.duration(&arguments[0]),
        }
    }

    fn has(&mut self, argument: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        let Some(path) = self.field_of(argument) else {
            return Err(self.fault(&argument.span, "has() takes one field").with_help("such as has(metrics.pressure)"));
        };
        if self.locals.iter().any(|(name, _)| *name == path) {
            let help = "ask for its size, such as size(s) > 0";
            return Err(self
                .fault(&argument.span, format!("`{path}` is an answer: it is always there"))
                .with_help(help));
        }
        if let Some((message, help)) = self.scope.impossible(&path) {
            return Err(self.fault(&argument.span, message).with_help(help));
        }
        let out = self.new_bit();
        if path == "samples" {
            let count = Num(self.scope.number_slot("samples.n") as u32);
            let Register::Number(zero) = self.constant(0.0) else { return Ok(Register::Truth(out)) };
            self.push(Op::Order(Order::Greater, out, count, zero), span)?;
            return Ok(Register::Truth(out));
        }
        let known = self.scope.known(&path);
        if known != Some(Type::Text) {
            let number = Num(self.scope.number_slot(&path) as u32);
            self.push(Op::HasNumber(out, number), span)?;
            if known.is_some() {
                return Ok(Register::Truth(out));
            }
        }
        let text = Str(self.scope.text_slot(&path) as u32);
        if known.is_some() {
            self.push(Op::HasText(out, text), span)?;
            return Ok(Register::Truth(out));
        }
        let (as_text, either) = (self.new_bit(), self.new_bit());
        self.push(Op::HasText(as_text, text), span)?;
        self.push(Op::Or(either, out, as_text), span)?;
        Ok(Register::Truth(either))
    }

    fn size(&mut self, argument: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        match &argument.kind {
            Kind::Field(path) if path == "samples" => {
                Ok(Register::Number(Num(self.scope.number_slot("samples.n") as u32)))
            }
            Kind::List(items) => Ok(self.constant(items.len() as f64)),
            _ => {
                let text = self.string(argument)?;
                let out = self.new_number();
                self.push(Op::Length(out, text), span)?;
                Ok(Register::Number(out))
            }
        }
    }

    fn fold(&mut self, op: Sum, arguments: &[Ast], span: &Range<usize>) -> Result<Register, Fault> {
        let mut held: Option<Num> = None;
        for argument in arguments {
            let next = self.number(argument)?;
            held = Some(match held {
                None => next,
                Some(before) => {
                    let out = self.new_number();
                    self.push(Op::Sum(op, out, before, next), span)?;
                    out
                }
            });
        }
        held.map(Register::Number).ok_or_else(|| self.fault(span, "nothing to choose from"))
    }

    fn likeness(&mut self, how: Likeness, arguments: &[Ast], span: &Range<usize>) -> Result<Register, Fault> {
        let (a, b) = (self.string(&arguments[0])?, self.string(&arguments[1])?);
        let out = self.new_bit();
        self.push(Op::Likeness(how, out, a, b), span)?;
        Ok(Register::Truth(out))
    }

    fn matches(&mut self, text: &Ast, pattern: &Ast, span: &Range<usize>) -> Result<Register, Fault> {
        let Kind::Text(written) = &pattern.kind else {
            let help = "so that it is compiled once, such as r'^gpt-\\d'";
            return Err(self.fault(&pattern.span, "the regular expression must be written out").with_help(help));
        };
        self.layout.patterns += 1;
        if self.layout.patterns > MOST_PATTERNS {
            return Err(
                self.fault(&pattern.span, format!("more than {MOST_PATTERNS} regular expressions in all rules"))
            );
        }
        let compiled = RegexBuilder::new(written).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
        let regex = compiled.map_err(|error| {
            let (message, help) = why_no_pattern(&error, written);
            let fault = self.fault(&pattern.span, message);
            Fault { help, ..fault }
        })?;
        let text = self.string(text)?;
        let out = self.new_bit();
        self.program.patterns.push(Pattern(regex));
        self.push(Op::Matches(out, text, self.program.patterns.len() as u32 - 1), span)?;
        Ok(Register::Truth(out))
    }

    /// `samples.all(s, …)` and `samples.exists(s, …)`.
    fn each(&mut self, arguments: &[Ast], all: bool, span: &Range<usize>) -> Result<Register, Fault> {
        let [list, variable, body] = arguments else { return Err(self.fault(span, "expected samples.all(s, …)")) };
        if !matches!(&list.kind, Kind::Field(path) if path == "samples") {
            return Err(self.fault(&list.span, "only `samples` can be gone through"));
        }
        let Kind::Field(name) = &variable.kind else {
            return Err(self
                .fault(&variable.span, "expected a name for the sample")
                .with_help("such as samples.all(s, size(s) > 0)"));
        };
        if !crate::record::names::is_plain(name) {
            return Err(self.fault(&variable.span, "expected a plain name for the sample, such as s"));
        }
        if self.locals.len() >= MAX_LOOPS {
            return Err(self.fault(span, format!("samples may be gone through in {MAX_LOOPS} levels at most")));
        }
        let var = self.new_text();
        let start = self.program.ops.len();
        let out = self.new_bit();
        self.push(Op::Each { out, var, steps: 0, result: out, all }, span)?;
        self.locals.push((name.clone(), var));
        let result = self.bit(body)?;
        self.locals.pop();
        let steps = (self.program.ops.len() - start - 1) as u32;
        self.program.ops[start] = Op::Each { out, var, steps, result, all };
        Ok(Register::Truth(out))
    }

    fn duration(&mut self, argument: &Ast) -> Result<Register, Fault> {
        let span = match &argument.kind {
            Kind::Text(text) => crate::humanize::parse_span(text),
            _ => None,
        };
        let wrong = || {
            self.fault(&argument.span, "expected a span of time in quotes").with_help("such as duration(\"2m\"), or 2m")
        };
        let span = span.ok_or_else(wrong)?;
        Ok(self.constant(span.as_secs_f64() * 1e3))
    }
}

/// What is wrong with a pattern, in a line, and how to mend it.
fn why_no_pattern(error: &regex::Error, pattern: &str) -> (String, Option<String>) {
    match error {
        regex::Error::CompiledTooBig(_) => {
            ("the regular expression is too large once compiled".into(), Some("make its repetitions smaller".into()))
        }
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let why = last.strip_prefix("error: ").unwrap_or(last);
            let looks = pattern.contains("(?=") || pattern.contains("(?!") || pattern.contains("(?<");
            let help =
                looks.then(|| "expressions run in linear time: without look-around and back-references".to_owned());
            (format!("not a regular expression: {why}"), help)
        }
    }
}
