//! Workflows by chance: every word that the reference knows, inside every other.

use super::chance::Chance;
use super::program::{Block, Each, Edge, Kind, Node, Program, Shape, Sum, Term, Test};

const DEPTH_MAX: usize = 3;
const ON_FAILURE: [&str; 3] = ["fail", "skip", "continue"];

/// What a task may refer to.
#[derive(Clone, Default)]
struct Sight {
    terms: Vec<Term>,
    depth: usize,
    /// Nothing from outside reaches a run of its own, and it is not undone here.
    child: bool,
}

pub struct Maker {
    chance: Chance,
    names: usize,
    /// Tasks that may still be made.
    room: usize,
    compensates: bool,
}

/// The workflow of a seed, with about so many tasks.
pub fn program(seed: u64, size: usize) -> Program {
    let mut chance = Chance::new(seed);
    let compensates = chance.once_in(3);
    let cancelled = chance.once_in(8);
    let mut maker = Maker {
        chance,
        names: 0,
        room: size,
        compensates,
    };
    let block = maker.block(&Sight::default(), size);
    Program {
        block,
        compensates,
        cancelled,
    }
}

impl Maker {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("t{}", self.names)
    }

    fn block(&mut self, sight: &Sight, most: usize) -> Block {
        let count = 1 + self.chance.below(most.clamp(1, 9));
        let mut nodes: Vec<Node> = Vec::new();
        for _ in 0..count {
            let node = self.node(sight, &nodes);
            nodes.push(node);
            if self.room == 0 {
                break;
            }
        }
        let terms: Vec<Term> = nodes.iter().map(term_of).chain(sight.terms.clone()).collect();
        let gives = self.sum(&terms);
        Block { nodes, gives }
    }

    fn node(&mut self, sight: &Sight, before: &[Node]) -> Node {
        self.room = self.room.saturating_sub(1);
        let name = self.name();
        let after = self.after(before);
        let of = |name: &str| term_of(before.iter().find(|node| node.name == name).unwrap());
        // A task that may be skipped or fail without ending this is seen as 0; the tasks inside see it only where the whole
        // waits for it firmly.
        let near: Vec<Term> = after.iter().map(|(name, _)| of(name)).collect();
        let firm = after
            .iter()
            .filter(|(_, edge)| *edge == Edge::Hard)
            .map(|(name, _)| of(name));
        let mut inner = sight.clone();
        inner.depth += 1;
        inner.terms.extend(firm);
        let outer: Vec<Term> = near.into_iter().chain(sight.terms.clone()).collect();
        let each = self.chance.once_in(5).then(|| Each {
            count: self.sum(&outer),
            max_parallel: self.chance.once_in(2).then(|| self.chance.number(1, 2) as u32),
            min_success: self
                .chance
                .once_in(2)
                .then(|| *self.chance.pick(&[1, 34, 50, 67, 95, 100])),
        });
        let when = self.chance.once_in(6).then(|| self.test(&outer));
        let mut own = outer.clone();
        if each.is_some() {
            own.push(Term::Item);
            inner.terms.push(Term::Item);
        }
        let kind = self.kind(&own, &outer, &inner);
        let fails = if self.chance.once_in(2) {
            0
        } else {
            self.chance.number(1, 3) as u32
        };
        let can_fall = !matches!(kind, Kind::Duration(_));
        let fallback = (can_fall && self.chance.once_in(5)).then(|| self.chance.number(0, 99));
        let is_call = matches!(kind, Kind::Call(_));
        let undo =
            self.compensates && !sight.child && is_call && fallback.is_none() && self.chance.once_in(2);
        Node {
            name,
            after,
            when,
            each,
            kind,
            attempts: self.chance.number(1, 3) as u32,
            fails,
            fails_at: self.chance.once_in(2).then(|| self.chance.number(0, 3)),
            fallback,
            on_failure: ON_FAILURE[self.chance.below(ON_FAILURE.len())],
            undo,
        }
    }

    fn after(&mut self, before: &[Node]) -> Vec<(String, Edge)> {
        let mut found: Vec<(String, Edge)> = Vec::new();
        for _ in 0..self.chance.below(3.min(before.len()) + 1) {
            let other = self.chance.pick(before).name.clone();
            let edge = *self
                .chance
                .pick(&[Edge::Hard, Edge::Hard, Edge::Hard, Edge::Soft, Edge::Optional]);
            if found.iter().all(|(name, _)| *name != other) {
                found.push((other, edge));
            }
        }
        found
    }

    /// `own` is what the task's own words see, `outer` the same without the item of its map.
    fn kind(&mut self, own: &[Term], outer: &[Term], inner: &Sight) -> Kind {
        let deep = inner.depth < DEPTH_MAX && self.room > 0;
        let choice = self.chance.below(if deep { 16 } else { 8 });
        match choice {
            5 if !inner.child => self.wait(),
            6 => Kind::Value {
                sum: self.sum(own),
                divides: false,
            },
            7 => Kind::Value {
                sum: self.sum(own),
                divides: true,
            },
            8..=10 => self.switch(own, inner),
            11..=13 => self.repeat(own, outer, inner),
            14 if !inner.child => self.wait(),
            15 if !inner.child => self.workflow(own),
            _ => Kind::Call(self.sum(own)),
        }
    }

    fn wait(&mut self) -> Kind {
        let name = self.name();
        let (gives, comes) = (self.chance.number(0, 99), !self.chance.once_in(3));
        match self.chance.below(3) {
            0 => Kind::Signal { name, gives, comes },
            1 => Kind::Event { name, gives, comes },
            _ => Kind::Duration(self.chance.number(1, 500) as u32),
        }
    }

    fn switch(&mut self, own: &[Term], inner: &Sight) -> Kind {
        let mut branches = Vec::new();
        for _ in 0..self.chance.number(1, 2) {
            branches.push((Some(self.test(own)), self.block(inner, 3)));
        }
        if self.chance.once_in(2) {
            branches.push((None, self.block(inner, 3)));
        }
        Kind::Switch(branches)
    }

    fn repeat(&mut self, own: &[Term], outer: &[Term], inner: &Sight) -> Kind {
        let mut sight = inner.clone();
        sight
            .terms
            .retain(|term| !matches!(term, Term::State | Term::Iteration));
        // Tests are asked inside, where another loop's state is out of sight.
        let mut firm = sight.terms.clone();
        firm.retain(|term| {
            outer
                .iter()
                .any(|seen| format!("{seen:?}") == format!("{term:?}"))
        });
        let turns = self.sum(&firm);
        sight.terms.extend([Term::State, Term::Iteration]);
        Kind::Repeat {
            start: self.sum(own),
            turns,
            until: self.chance.once_in(2),
            most: self.chance.number(1, 4),
            block: self.block(&sight, 3),
        }
    }

    fn workflow(&mut self, own: &[Term]) -> Kind {
        let name = format!("sub-{}", self.name());
        let sight = Sight {
            terms: vec![Term::Input],
            depth: DEPTH_MAX - 1,
            child: true,
        };
        let x = self.sum(own);
        Kind::Workflow {
            name,
            inline: self.chance.once_in(2),
            x,
            block: self.block(&sight, 3),
        }
    }

    fn sum(&mut self, terms: &[Term]) -> Sum {
        let mut found = vec![Term::Number(self.chance.number(0, 99))];
        for _ in 0..self.chance.below(3) {
            if !terms.is_empty() {
                found.push(self.chance.pick(terms).clone());
            }
        }
        Sum(found)
    }

    fn test(&mut self, terms: &[Term]) -> Test {
        let of = self.chance.number(2, 5);
        Test {
            sum: self.sum(terms),
            of,
            least: self.chance.number(0, of - 2),
        }
    }
}

fn term_of(node: &Node) -> Term {
    let shape: Shape = node.shape();
    match node.each {
        Some(_) => Term::Sum(node.name.clone(), shape),
        None => Term::Task(node.name.clone(), shape),
    }
}
