//! What parts of an expression yield, before they are compiled.

use super::compile::arithmetic;
use super::functions::Function;
use super::program::Str;
use super::{Ast, Kind, List, Scope, Type};

/// Most looks at parts of a tree to find its type.
const MAX_LOOKS: usize = 200;

/// What a tree yields, as far as that is known without its surroundings.
pub fn type_of(ast: &Ast, scope: &dyn Scope) -> Option<Type> {
    within(ast, scope, &[])
}

/// The same where these names stand for answers.
pub(super) fn within(ast: &Ast, scope: &dyn Scope, locals: &[(String, Str)]) -> Option<Type> {
    seen_as(ast, scope, locals, &mut MAX_LOOKS.clone())
}

/// The same within so many looks: macros that choose between macros could ask for more of them than there is time.
fn seen_as(ast: &Ast, scope: &dyn Scope, locals: &[(String, Str)], looks: &mut usize) -> Option<Type> {
    *looks = looks.checked_sub(1)?;
    match &ast.kind {
        Kind::Number(_) | Kind::Negate(_) => Some(Type::Number),
        Kind::Text(_) => Some(Type::Text),
        Kind::Bool(_) | Kind::Not(_) => Some(Type::Bool),
        Kind::List(_) => Some(Type::List),
        Kind::Binary(op, ..) => Some(if arithmetic(*op).is_some() { Type::Number } else { Type::Bool }),
        Kind::Choose(_, yes, no) => seen_as(yes, scope, locals, looks).or_else(|| seen_as(no, scope, locals, looks)),
        Kind::Call(name, _) => Function::named(name).map(Function::yields),
        Kind::Field(path) if locals.iter().any(|(name, _)| name == path) => Some(Type::Text),
        Kind::Field(path) => match scope.macro_named(path) {
            // A sample's name means nothing in a macro.
            Some(named) => seen_as(&named.ast, scope, &[], looks),
            None => scope.list_named(path).map(|_| Type::List).or_else(|| scope.known(path)),
        },
    }
}

/// The items, if all of them are constants of one type.
pub(super) fn constants(items: &[Ast]) -> Option<List> {
    let number = |item: &Ast| match &item.kind {
        Kind::Number(value) => Some(*value),
        Kind::Negate(part) => match part.kind {
            Kind::Number(value) => Some(-value),
            _ => None,
        },
        _ => None,
    };
    let text = |item: &Ast| match &item.kind {
        Kind::Text(text) => Some(text.as_str().into()),
        _ => None,
    };
    let numbers: Option<Vec<f64>> = items.iter().map(number).collect();
    numbers.map(List::Numbers).or_else(|| items.iter().map(text).collect::<Option<_>>().map(List::Texts))
}
