//! What follows from the functions' types: who makes what, who uses it, and in which order.

use std::collections::BTreeSet;

use super::game::Game;

impl Game {
    /// What follows from the functions' types.
    pub(super) fn relate(&mut self) {
        let count = self.functions.len();
        for (index, function) in self.functions.iter().enumerate() {
            self.makers[function.output].push(index);
        }
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.types];
        let mut useful = vec![0u32; self.types];
        let mut once = vec![0u32; self.types];
        let mut rivals = vec![BTreeSet::new(); count];
        let sets = |game: &Self| -> Vec<Vec<usize>> {
            let inputs = game
                .functions
                .iter()
                .flat_map(|f| f.inputs.iter().map(|need| need.accepts.clone()));
            inputs
                .chain(game.goals.iter().map(|goal| goal.accepts.clone()))
                .collect()
        };
        for accepts in sets(self) {
            let makers: Vec<usize> = accepts
                .iter()
                .flat_map(|kind| self.makers[*kind].iter().copied())
                .collect();
            for one in &makers {
                rivals[*one].extend(makers.iter().copied().filter(|other| other != one));
            }
        }
        for (index, function) in self.functions.iter().enumerate() {
            for need in &function.inputs {
                for kind in &need.accepts {
                    users[*kind].push(index);
                    let counts = if need.consume { &mut useful } else { &mut once };
                    counts[*kind] += 1;
                }
            }
        }
        for goal in &self.goals {
            for kind in &goal.accepts {
                once[*kind] += 1;
            }
        }
        for (index, found) in rivals.into_iter().enumerate() {
            let kind = self.functions[index].output;
            self.functions[index].rivals = found.into_iter().collect();
            self.functions[index].useful = (useful[kind] + u32::from(once[kind] > 0)).max(1);
            for user in &users[kind] {
                if *user != index {
                    self.edges.push((index as u32, *user as u32));
                }
            }
        }
        self.edges.sort_unstable();
        self.edges.dedup();
        for goal in 0..self.goals.len() {
            let mut seen = vec![false; count];
            let mut open: Vec<usize> = self.goals[goal]
                .accepts
                .iter()
                .flat_map(|kind| self.makers[*kind].clone())
                .collect();
            while let Some(one) = open.pop() {
                if std::mem::replace(&mut seen[one], true) {
                    continue;
                }
                self.functions[one].goals.push(goal);
                for need in &self.functions[one].inputs {
                    open.extend(
                        need.accepts
                            .iter()
                            .flat_map(|kind| self.makers[*kind].iter().copied()),
                    );
                }
            }
        }
        self.order = self.sorted();
    }

    /// Kahn's order; functions in circles come last.
    fn sorted(&self) -> Vec<usize> {
        let count = self.functions.len();
        let mut waits = vec![0usize; count];
        for (_, to) in &self.edges {
            waits[*to as usize] += 1;
        }
        let mut out: Vec<usize> = (0..count).filter(|index| waits[*index] == 0).collect();
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (from, to) in &self.edges {
            next[*from as usize].push(*to as usize);
        }
        let mut at = 0;
        while at < out.len() {
            for to in &next[out[at]] {
                waits[*to] -= 1;
                if waits[*to] == 0 {
                    out.push(*to);
                }
            }
            at += 1;
        }
        let mut placed = vec![false; count];
        out.iter().for_each(|index| placed[*index] = true);
        out.extend((0..count).filter(|index| !placed[*index]));
        out
    }
}
