//! The compiled form of an expression.

use symphony_protocol::{TypeName, Value};

use crate::functions;
use crate::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equals,
    NotEquals,
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
    In,
}

impl Operator {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equals => "==",
            Self::NotEquals => "!=",
            Self::Less => "<",
            Self::LessEquals => "<=",
            Self::Greater => ">",
            Self::GreaterEquals => ">=",
            Self::In => "in",
        }
    }

    fn gives_truth(self) -> bool {
        !matches!(
            self,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo
        )
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Literal(Value),
    /// A reference, and its place among the expression's references.
    Path(Path, usize),
    Local(String),
    Select(Box<Node>, String),
    /// `[*]` of something computed: the steps from it on.
    Each(Box<Node>, Path),
    Has(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    /// CEL's `@not_strictly_false`: an error counts as true, so that `exists` may still find something.
    NotStrictlyFalse(Box<Node>),
    Negate(Box<Node>),
    Condition(Box<Node>, Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Call(&'static str, Vec<Node>),
    Default(Box<Node>, Box<Node>),
    SortBy {
        list: Box<Node>,
        variable: String,
        key: Box<Node>,
    },
    Fold(Box<Fold>),
}

/// CEL's comprehension: what `all, exists, exists_one, map` and `filter` become.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    pub range: Node,
    pub variable: String,
    pub variable2: Option<String>,
    pub accumulator: String,
    pub start: Node,
    pub condition: Node,
    pub step: Node,
    pub result: Node,
}

impl Node {
    /// Every node inside.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Literal(_) | Self::Path(..) | Self::Local(_) => Vec::new(),
            Self::Select(a, _) | Self::Each(a, _) | Self::Has(a, _) => vec![a],
            Self::Not(a) | Self::NotStrictlyFalse(a) | Self::Negate(a) => vec![a],
            Self::Index(a, b) | Self::Binary(_, a, b) | Self::And(a, b) => vec![a, b],
            Self::Or(a, b) | Self::Default(a, b) => vec![a, b],
            Self::Condition(a, b, c) => vec![a, b, c],
            Self::List(items) | Self::Call(_, items) => items.iter_mut().collect(),
            Self::Map(entries) => entries.iter_mut().flat_map(|(k, v)| [k, v]).collect(),
            Self::SortBy { list, key, .. } => vec![list, key],
            Self::Fold(f) => {
                let f = &mut **f;
                vec![
                    &mut f.range,
                    &mut f.start,
                    &mut f.condition,
                    &mut f.step,
                    &mut f.result,
                ]
            }
        }
    }

    /// The type of what it gives, where that does not hang on what it sees.
    pub fn gives(&self) -> Option<TypeName> {
        use TypeName::{Array, Boolean, Object};
        Some(match self {
            Self::Literal(value) => return of_value(value),
            Self::Binary(operator, ..) if operator.gives_truth() => Boolean,
            Self::Binary(Operator::Add, a, b) => match (a.gives(), b.gives()) {
                (Some(known @ (TypeName::String | Array)), _) => known,
                (_, Some(known @ (TypeName::String | Array))) => known,
                _ => return None,
            },
            Self::And(..) | Self::Or(..) | Self::Not(_) | Self::Has(..) => Boolean,
            Self::NotStrictlyFalse(_) => Boolean,
            Self::List(_) | Self::SortBy { .. } => Array,
            Self::Map(_) => Object,
            Self::Call(name, _) => return functions::gives(name),
            Self::Condition(_, a, b) => return a.gives().filter(|known| b.gives() == Some(*known)),
            Self::Fold(fold) => match (&fold.start, &fold.result) {
                (_, Self::Binary(..)) => Boolean,
                (start, _) => return start.gives(),
            },
            _ => return None,
        })
    }
}

/// The type of a constant; null and bytes have no name in the language.
pub fn of_value(value: &Value) -> Option<TypeName> {
    Some(match value {
        Value::Nil | Value::Bin(_) => return None,
        Value::Bool(_) => TypeName::Boolean,
        Value::Int(_) | Value::UInt(_) => TypeName::Integer,
        Value::Float(_) => TypeName::Number,
        Value::Str(_) => TypeName::String,
        Value::Array(_) => TypeName::Array,
        Value::Map(_) if value.is_reference() => TypeName::Artifact,
        Value::Map(_) => TypeName::Object,
    })
}
