//! From the parser's tree to `Node`, with every bound that can be checked before a value exists.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use symphony_protocol::Value;

use crate::error::{Error, ErrorKind};
use crate::functions;
use crate::node::{Fold, Node, Operator};
use crate::path::{EACH, Path, Segment};
use crate::prepare::{column, prepare};
use crate::scan::column_of;

/// Characters of one expression. Longer ones are programs, and belong into a function.
pub const TEXT_LENGTH_MAX: usize = 8192;
/// Nesting of the tree: what the evaluator's stack is sized for.
const DEPTH_MAX: usize = 64;
/// What the parser's own recursion is bounded to.
const PARSER_DEPTH_MAX: u16 = 96;
/// Nodes of the parser's tree, macros expanded.
const NODES_MAX: usize = 8192;

/// What a text is, and every reference in it by its place.
#[derive(Debug)]
pub struct Compiled {
    pub node: Node,
    pub paths: Vec<Path>,
}

/// Compile the text of an expression (without `${}` around it).
pub fn compile(text: &str) -> Result<Compiled, Error> {
    if text.len() > TEXT_LENGTH_MAX {
        let message = format!(
            "the expression has {} characters, at most {TEXT_LENGTH_MAX} are read",
            text.len()
        );
        return Err(Error::new(ErrorKind::Limit, message));
    }
    if let Some(path) = Path::parse(text) {
        return Ok(Compiled {
            node: Node::Path(path.clone(), 0),
            paths: vec![path],
        });
    }
    let prepared = prepare(text)?;
    let parsed = cel::parser::PrattParser::new()
        .max_recursion_depth(PARSER_DEPTH_MAX)
        .max_expression_node_count(NODES_MAX)
        .error_reporting_limit(1)
        .parse(&prepared);
    let tree = parsed.map_err(|errors| syntax(&prepared, &errors))?;
    let mut compiler = Compiler {
        text,
        locals: Vec::new(),
    };
    let mut node = compiler.node(&tree, 0)?;
    let mut paths = Vec::new();
    number(&mut node, &mut paths);
    Ok(Compiled { node, paths })
}

/// Give each reference its place among all.
fn number(node: &mut Node, paths: &mut Vec<Path>) {
    if let Node::Path(path, place) = node {
        *place = paths.iter().position(|known| known == path).unwrap_or_else(|| {
            paths.push(path.clone());
            paths.len() - 1
        });
    }
    node.children_mut()
        .into_iter()
        .for_each(|child| number(child, paths));
}

fn syntax(prepared: &str, errors: &cel::ParseErrors) -> Error {
    let first = errors.errors.first();
    let what = first.map_or("it cannot be read", |error| error.msg.as_str());
    let what = what.lines().next().unwrap_or_default().replace(EACH, "*");
    let error = Error::new(ErrorKind::Syntax, what);
    let place = first.and_then(|error| {
        let line = usize::try_from(error.pos.0).ok()?.checked_sub(1)?;
        let before: usize = prepared.split_inclusive('\n').take(line).map(str::len).sum();
        Some(before + usize::try_from(error.pos.1).ok()?.checked_sub(1)?)
    });
    match place {
        Some(at) => error.at(column(prepared, at)),
        None => error,
    }
}

struct Compiler<'t> {
    text: &'t str,
    locals: Vec<String>,
}

fn boxed(node: Node) -> Box<Node> {
    Box::new(node)
}

impl Compiler<'_> {
    fn node(&mut self, tree: &IdedExpr, depth: usize) -> Result<Node, Error> {
        if depth > DEPTH_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("the expression is nested more than {DEPTH_MAX} deep"),
            ));
        }
        let deeper = depth + 1;
        Ok(match &tree.expr {
            Expr::Literal(literal) => Node::Literal(constant(literal)?),
            Expr::Ident(name) if self.locals.contains(name) => Node::Local(name.clone()),
            Expr::Ident(name) => Node::Path(
                Path {
                    root: name.clone(),
                    segments: Vec::new(),
                },
                0,
            ),
            Expr::Select(select) if select.test => {
                Node::Has(boxed(self.node(&select.operand, deeper)?), select.field.clone())
            }
            Expr::Select(select) => {
                let operand = self.node(&select.operand, deeper)?;
                let segment = if select.field == EACH {
                    Segment::Each
                } else {
                    Segment::Field(select.field.clone())
                };
                step(operand, segment)
            }
            Expr::List(list) => Node::List(
                list.elements
                    .iter()
                    .map(|e| self.node(e, deeper))
                    .collect::<Result<_, _>>()?,
            ),
            Expr::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return Err(unsupported("a message"));
                    };
                    entries.push((self.node(&entry.key, deeper)?, self.node(&entry.value, deeper)?));
                }
                Node::Map(entries)
            }
            Expr::Comprehension(fold) => self.fold(fold, deeper)?,
            Expr::Call(call) => {
                let target = call.target.as_deref();
                self.call(&call.func_name, target, &call.args, deeper)?
            }
            Expr::Struct(_) => return Err(unsupported("a message")),
            Expr::Unspecified => return Err(unsupported("an empty expression")),
        })
    }

    fn fold(&mut self, fold: &ComprehensionExpr, depth: usize) -> Result<Node, Error> {
        let range = self.node(&fold.iter_range, depth)?;
        let start = self.node(&fold.accu_init, depth)?;
        let outer = self.locals.len();
        self.locals.push(fold.accu_var.clone());
        self.locals.push(fold.iter_var.clone());
        self.locals.extend(fold.iter_var2.clone());
        let condition = self.node(&fold.loop_cond, depth)?;
        let step = self.node(&fold.loop_step, depth)?;
        self.locals.truncate(outer + 1);
        let result = self.node(&fold.result, depth)?;
        self.locals.truncate(outer);
        let (variable, variable2) = (fold.iter_var.clone(), fold.iter_var2.clone());
        let accumulator = fold.accu_var.clone();
        Ok(Node::Fold(Box::new(Fold {
            range,
            variable,
            variable2,
            accumulator,
            start,
            condition,
            step,
            result,
        })))
    }

    fn call(
        &mut self,
        name: &str,
        target: Option<&IdedExpr>,
        arguments: &[IdedExpr],
        depth: usize,
    ) -> Result<Node, Error> {
        let all: Vec<&IdedExpr> = target.into_iter().chain(arguments).collect();
        if let (operators::INDEX, [operand, index]) = (name, all.as_slice()) {
            let operand = self.node(operand, depth)?;
            return Ok(match (self.node(index, depth)?, operand) {
                (Node::Literal(Value::Str(field)), operand) => step(operand, Segment::Field(field)),
                (Node::Literal(Value::Int(at)), operand) if at >= 0 => step(operand, Segment::Index(at)),
                (_, Node::Each(..)) => {
                    return Err(Error::new(
                        ErrorKind::Syntax,
                        "what is picked behind [*] has to be a constant",
                    ));
                }
                (index, operand) => Node::Index(boxed(operand), boxed(index)),
            });
        }
        if let ("sort_by", [list, variable, key]) = (name, all.as_slice()) {
            let Expr::Ident(variable) = &variable.expr else {
                return Err(Error::new(
                    ErrorKind::Syntax,
                    "sort_by takes a list, a variable and an expression of it",
                ));
            };
            let list = boxed(self.node(list, depth)?);
            self.locals.push(variable.clone());
            let key = self.node(key, depth);
            self.locals.pop();
            return Ok(Node::SortBy {
                list,
                variable: variable.clone(),
                key: boxed(key?),
            });
        }
        let mut nodes = all
            .iter()
            .map(|tree| self.node(tree, depth))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let count = all.len();
        let mut next = || {
            nodes
                .next()
                .map(boxed)
                .ok_or_else(|| unsupported("a call without arguments"))
        };
        Ok(match (name, count) {
            (operators::CONDITIONAL, 3) => Node::Condition(next()?, next()?, next()?),
            (operators::LOGICAL_AND, 2) => Node::And(next()?, next()?),
            (operators::LOGICAL_OR, 2) => Node::Or(next()?, next()?),
            (operators::LOGICAL_NOT, 1) => Node::Not(next()?),
            (operators::NOT_STRICTLY_FALSE, 1) => Node::NotStrictlyFalse(next()?),
            (operators::NEGATE, 1) => Node::Negate(next()?),
            ("default", 2) => Node::Default(next()?, next()?),
            _ => match operator(name) {
                Some(operator) if count == 2 => Node::Binary(operator, next()?, next()?),
                _ => {
                    let known = functions::known(name, count);
                    let known = known.map_err(|error| match column_of(self.text, name) {
                        Some(column) => error.at(column),
                        None => error,
                    });
                    Node::Call(known?, nodes.collect())
                }
            },
        })
    }
}

fn step(operand: Node, segment: Segment) -> Node {
    match (operand, segment) {
        (Node::Path(mut path, place), segment) => {
            path.segments.push(segment);
            Node::Path(path, place)
        }
        (Node::Each(operand, mut path), segment) => {
            path.segments.push(segment);
            Node::Each(operand, path)
        }
        (operand, Segment::Field(name)) => Node::Select(boxed(operand), name),
        (operand, Segment::Index(at)) => Node::Index(boxed(operand), boxed(Node::Literal(Value::Int(at)))),
        (operand, Segment::Each) => {
            let root = "(...)".to_owned();
            Node::Each(
                boxed(operand),
                Path {
                    root,
                    segments: vec![Segment::Each],
                },
            )
        }
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Modulo,
        operators::EQUALS => Operator::Equals,
        operators::NOT_EQUALS => Operator::NotEquals,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessEquals,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterEquals,
        operators::IN => Operator::In,
        _ => return None,
    })
}

fn constant(literal: &LiteralValue) -> Result<Value, Error> {
    Ok(match literal {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Bytes(value) => Value::Bin(value.inner().to_vec()),
        LiteralValue::Double(value) if value.inner().is_finite() => Value::Float(*value.inner()),
        LiteralValue::Double(_) => return Err(Error::new(ErrorKind::Arithmetic, "not a finite number")),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::UInt(value) => Value::from(*value.inner()),
        LiteralValue::Null => Value::Nil,
        LiteralValue::String(value) => Value::Str(value.inner().to_owned()),
    })
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Syntax, format!("{what} has no meaning here"))
}
