//! An execution as who gives it out sees it: the function it calls, and the words that go with the call.

use symphony_protocol::Wants;
use symphony_workflow::{Function, Node};

use super::run::{NOTHING, function};
use super::state::{Exec, ExecId, LOCK, Run, UNDO};

pub struct Called<'a> {
    pub exec: &'a Exec,
    pub function: &'a Function,
    pub priority: u8,
    /// Time from its start to the end of the run, as estimated.
    pub rest_us: u64,
    pub timeout_ms: Option<u64>,
    pub retry_safe: Option<bool>,
    pub wants: Option<&'a Wants>,
    /// The task that it is of; none where no task is given out.
    pub node: Option<&'a Node>,
}

impl Run {
    /// The task that an execution is of.
    pub fn spec(&self, id: ExecId) -> Option<&Node> {
        let frame = self.frame(id.frame)?;
        let plan = match frame.inline() {
            Some(inline) => inline.plan.as_ref()?,
            None => self.plan.as_ref()?,
        };
        let graph = plan.graph(usize::try_from(frame.graph).ok()?)?;
        graph.node(usize::try_from(id.node).ok()?)
    }

    pub fn rest_us(&self, id: ExecId) -> u64 {
        let at = usize::try_from(id.node).unwrap_or(usize::MAX);
        let rest = self.frame(id.frame).and_then(|frame| frame.rest_us.get(at));
        rest.copied().unwrap_or_default()
    }

    /// None where it calls nothing.
    pub fn called(&self, id: ExecId) -> Option<Called<'_>> {
        let exec = self.exec(id)?;
        if id.frame == LOCK {
            return Some(Called {
                exec,
                function: &NOTHING,
                priority: self.priority.min(9),
                rest_us: 0,
                timeout_ms: None,
                retry_safe: None,
                wants: exec.wants(),
                node: None,
            });
        }
        if id.frame == UNDO {
            let undo = self.undo.get(usize::try_from(id.node).ok()?)?;
            return Some(Called {
                exec,
                function: &undo.compensate(self.plan.as_deref())?.function,
                priority: self.priority.min(9),
                rest_us: 0,
                timeout_ms: None,
                retry_safe: None,
                wants: None,
                node: None,
            });
        }
        let spec = self.spec(id)?;
        Some(Called {
            exec,
            function: function(spec, exec)?,
            priority: spec.priority.unwrap_or(self.priority).min(9),
            rest_us: self.rest_us(id),
            timeout_ms: spec.timeout_ms,
            retry_safe: spec.retry_safe,
            wants: exec.wants(),
            node: Some(spec),
        })
    }
}
