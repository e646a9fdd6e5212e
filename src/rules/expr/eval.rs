//! Running a compiled expression.

use super::{Binary, Expr, Function};

/// The slots of one record.
#[derive(Debug, Clone, Copy)]
pub struct Slots<'a> {
    /// Numbers; NaN where the record has none.
    pub numbers: &'a [f64],
    /// Labels.
    pub texts: &'a [Option<&'a str>],
}

/// What a part of an expression comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A number, never NaN.
    Number(f64),
    /// true or false
    Bool(bool),
    /// A label.
    Text(&'a str),
    /// A field that it needs is not there.
    Missing,
    /// It has no value, and why.
    Error(&'static str),
}

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

impl Expr {
    /// The value as a condition.
    pub fn truth(&self, slots: Slots<'_>) -> Truth {
        match self.eval(slots) {
            Value::Bool(true) => Truth::True,
            Value::Bool(false) => Truth::False,
            Value::Error(why) => Truth::Error(why),
            Value::Missing => Truth::Missing,
            Value::Number(_) | Value::Text(_) => Truth::Error("not a condition"),
        }
    }

    /// The value. Allocates nothing.
    pub fn eval<'a>(&'a self, slots: Slots<'a>) -> Value<'a> {
        match self {
            Self::Number(value) => Value::Number(*value),
            Self::Bool(value) => Value::Bool(*value),
            Self::Text(text) => Value::Text(text),
            Self::NumberSlot(slot) => match slots.numbers.get(*slot) {
                Some(value) if !value.is_nan() => Value::Number(*value),
                _ => Value::Missing,
            },
            Self::TextSlot(slot) => slots.texts.get(*slot).copied().flatten().map_or(Value::Missing, Value::Text),
            Self::Has(number, text) => {
                let number = slots.numbers.get(*number).is_some_and(|n| !n.is_nan());
                Value::Bool(number || slots.texts.get(*text).is_some_and(Option::is_some))
            }
            Self::Not(part) => match part.eval(slots) {
                Value::Bool(value) => Value::Bool(!value),
                other => other,
            },
            Self::Negate(part) => match part.eval(slots) {
                Value::Number(value) => Value::Number(-value),
                other => other,
            },
            Self::Binary(op, pair) => binary(*op, &pair.0, &pair.1, slots),
            Self::Choose(parts) => match parts.0.eval(slots) {
                Value::Bool(true) => parts.1.eval(slots),
                Value::Bool(false) => parts.2.eval(slots),
                other => other,
            },
            Self::In(item, list) => match item.eval(slots) {
                found @ (Value::Missing | Value::Error(_)) => found,
                found => Value::Bool(list.iter().any(|entry| entry.eval(slots) == found)),
            },
            Self::Call(function, arguments) => call(*function, arguments, slots),
        }
    }
}

fn binary<'a>(op: Binary, left: &'a Expr, right: &'a Expr, slots: Slots<'a>) -> Value<'a> {
    let first = left.eval(slots);
    // The side that decides alone: `false && …`, `true || …`, whatever the other one is.
    let decisive = match op {
        Binary::And => Some(Value::Bool(false)),
        Binary::Or => Some(Value::Bool(true)),
        _ => None,
    };
    if let Some(decisive) = decisive {
        if first == decisive {
            return first;
        }
        let second = right.eval(slots);
        return match (first, second) {
            (_, second) if second == decisive => second,
            (Value::Error(why), _) | (_, Value::Error(why)) => Value::Error(why),
            (Value::Missing, _) => Value::Missing,
            (_, second) => second,
        };
    }
    match (first, right.eval(slots)) {
        (Value::Error(why), _) | (_, Value::Error(why)) => Value::Error(why),
        (Value::Missing, _) | (_, Value::Missing) => Value::Missing,
        (Value::Number(a), Value::Number(b)) => numbers(op, a, b),
        (a, b) => match op {
            Binary::Equal => Value::Bool(a == b),
            Binary::NotEqual => Value::Bool(a != b),
            _ => Value::Error("not numbers"),
        },
    }
}

fn numbers<'a>(op: Binary, a: f64, b: f64) -> Value<'a> {
    let value = match op {
        Binary::Equal => return Value::Bool(a == b),
        Binary::NotEqual => return Value::Bool(a != b),
        Binary::Less => return Value::Bool(a < b),
        Binary::LessEqual => return Value::Bool(a <= b),
        Binary::Greater => return Value::Bool(a > b),
        Binary::GreaterEqual => return Value::Bool(a >= b),
        Binary::Divide | Binary::Remainder if b == 0.0 => return Value::Error("division by zero"),
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Remainder => a % b,
        Binary::Or | Binary::And | Binary::In => return Value::Error("not a sum"),
    };
    if value.is_nan() { Value::Error("not a number") } else { Value::Number(value) }
}

fn call<'a>(function: Function, arguments: &'a [Expr], slots: Slots<'a>) -> Value<'a> {
    let mut result: Option<f64> = None;
    for argument in arguments {
        let value = match argument.eval(slots) {
            Value::Number(value) => value,
            other => return other,
        };
        result = Some(match (function, result) {
            (Function::Abs, _) => value.abs(),
            (Function::Round, _) => value.round(),
            (Function::Min, Some(held)) => held.min(value),
            (Function::Max, Some(held)) => held.max(value),
            (Function::Min | Function::Max, None) => value,
        });
    }
    result.map_or(Value::Missing, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::super::{Resolve, compile, parse};
    use super::*;

    /// Fields `a b c` are numbers 1, 2 and missing; `s t` are labels "x" and missing.
    struct Fields;

    impl Resolve for Fields {
        fn number_slot(&mut self, path: &str) -> usize {
            "abc".find(path).unwrap_or(9)
        }
        fn text_slot(&mut self, path: &str) -> usize {
            "st".find(path).unwrap_or(9)
        }
        fn impossible(&self, path: &str) -> Option<String> {
            (path == "no").then(|| "no such field".into())
        }
    }

    fn run(text: &str) -> Result<Truth, String> {
        let fault = |f: super::super::Fault| format!("{}..{} {}", f.span.start, f.span.end, f.message);
        let expr = compile(&parse(text).map_err(fault)?, &mut Fields).map_err(fault)?;
        Ok(expr.truth(Slots { numbers: &[1.0, 2.0, f64::NAN], texts: &[Some("x"), None] }))
    }

    #[test]
    fn expressions_mean_what_they_say() {
        use Truth::{Error, False, Missing, True};
        let cases = [
            ("a <= b * 1.05", True),
            ("a + 2 * b - 1 == 4", True),
            ("(a + 2) * b == 6 && !(a > b)", True),
            ("-a < 0 || false", True),
            ("1 < 2 ? a == 1 : a == 2", True),
            ("10 / 4 == 2.5 && 7 % 4 == 3 && 1e3 == 1000 && .5 < 1", True),
            ("min(a, b, 0.5) == 0.5 && max(a, b) == 2 && abs(-a) == round(1.2)", True),
            ("s == \"x\" && s in ['y', 'x'] && !(s in [])", True),
            ("s == \"\\x\" || true", True),
            ("has(a) && !has(c) && has(s) && !has(t)", True),
            ("c > 1", Missing),
            ("c > 1 && a > 5", False),
            ("a > 5 && c > 1", False),
            ("c > 1 || a == 1", True),
            ("!(c > 1)", Missing),
            ("t == \"x\"", Missing),
            ("a / 0 > 1", Error("division by zero")),
            ("a / 0 > 1 || a == 1", True),
            ("a % 0 == 1", Error("division by zero")),
        ];
        for (text, want) in cases {
            if text.contains("\\x") {
                assert!(run(text).is_err());
            } else {
                assert_eq!(run(text), Ok(want), "{text}");
            }
        }
    }

    #[test]
    fn faults_name_the_part() {
        let cases = [
            ("a <", "3..3 the expression ends too early"),
            ("a = 1", "2..3 `=` has no meaning here"),
            ("a + 1", "0..5 expected bool, found number"),
            ("a && true", ""),
            ("(a < 1", "6..6 expected `)`"),
            ("no > 1", "0..2 no such field"),
            ("mix(a) > 1", "0..6 unknown function `mix`"),
            ("s == 'x", "5..7 the string does not end"),
            ("a < 1x", "4..6 `1x` is not a number"),
            ("a in b", "5..6 expected a list, such as [\"a\", \"b\"]"),
            ("a < 'x'", "4..7 expected number, found string"),
            ("a < 1 b", "6..7 did not expect `b` here"),
            ("", "0..0 the expression ends too early"),
        ];
        for (text, want) in cases.into_iter().filter(|(_, want)| !want.is_empty()) {
            assert_eq!(run(text), Err(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(run(&format!("{}a{} < 1", "(".repeat(5000), ")".repeat(5000))).is_err());
        assert!(run(&format!("{}true", "!".repeat(5000))).is_err());
        assert!(run(&format!("a{} < 1", " + 1".repeat(5000))).is_err());
        // As deep as is allowed, and still compiled at once.
        assert!(run(&format!("a == 1{}", " == true".repeat(60))).is_ok());
        assert!(run(&format!("{}1{}", "1 in [".repeat(30), " ]".repeat(30))).is_err());
    }
}
