//! The compiled form of an expression.

use symphony_protocol::Value;

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

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Literal(Value),
    Path(Path),
    Local(String),
    Select(Box<Node>, String),
    Each(Box<Node>),
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
