//! Going back to a checkpoint, and what a move to another version leaves to be undone.

use std::collections::BTreeSet;
use std::sync::Arc;

use symphony_workflow::Graph;

use super::*;
use crate::core::state::Inline;

impl Walk<'_> {
    /// Go back: what completed of these nodes is undone, last first; then they begin anew. The others go on meanwhile. How
    /// many completions are undone.
    pub(crate) fn roll_back(&mut self, chosen: BTreeSet<u32>) -> usize {
        self.forget(&chosen, false);
        let undone =
            |undo: &&Undo| undo.is_left() && undo.root.is_some_and(|root| chosen.contains(&root.node));
        let count = self.run.undo.iter().filter(undone).count();
        self.run.undoing = Some(Box::new(Undoing {
            back: Some(chosen),
            below: u32::MAX,
            ..Undoing::default()
        }));
        self.undo_next();
        count
    }

    /// The run goes on by another plan: what completed under the old one is undone as that one says.
    pub(super) fn undo_as_it_was(&mut self, old: &Graph, new: &Graph) {
        let before = Arc::new(Inline {
            document: self.run.document.clone(),
            plan: self.run.plan.clone(),
        });
        let moved = |node: u32| {
            let node = old.node(usize::try_from(node).ok()?)?;
            let (at, now) = new.named(&node.name)?;
            Some((u32::try_from(at).ok()?, node.compensate == now.compensate))
        };
        for undo in &mut self.run.undo {
            let now = undo.root.and_then(|root| moved(root.node));
            if let (Some(root), Some((at, _))) = (undo.root.as_mut(), now) {
                root.node = at;
            } else {
                undo.root = None;
            }
            match now {
                _ if undo.inline.is_some() => {}
                // The same in both: the document need not be kept for it.
                Some((at, true)) if undo.of.frame == 0 => undo.of.node = at,
                _ => undo.inline = Some(before.clone()),
            }
        }
    }
}
