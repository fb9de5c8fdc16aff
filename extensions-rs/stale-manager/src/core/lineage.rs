//! Lineage wins: what a run that stays was made of, stays.

use std::collections::{HashMap, HashSet, VecDeque};

/// Who needs a run: those that name an artifact which it made, its parent, and its children. `more`: there are others that
/// were not listed, which are taken to stay.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub runs: Vec<String>,
    pub more: bool,
}

/// Of the runs that would go, those that one needs which stays, directly or by way of others of them. `needs` is asked
/// once a run.
pub fn saved(goes: &HashSet<String>, mut needs: impl FnMut(&str) -> Needs) -> HashSet<String> {
    let mut saved = HashSet::new();
    let mut open = VecDeque::new();
    let mut needed_by: HashMap<String, Vec<String>> = HashMap::new();
    for run in goes {
        let found = needs(run);
        if found.more || found.runs.iter().any(|needer| !goes.contains(needer)) {
            saved.insert(run.clone());
            open.push_back(run.clone());
        }
        for needer in found.runs {
            needed_by.entry(needer).or_default().push(run.clone());
        }
    }
    while let Some(stays) = open.pop_front() {
        for run in needed_by.get(&stays).into_iter().flatten() {
            if saved.insert(run.clone()) {
                open.push_back(run.clone());
            }
        }
    }
    saved
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_goes_that_one_needs_which_stays_and_nothing_else_is_saved(
            edges in prop::collection::vec((0..12_u8, 0..12_u8), 0..40),
            going in prop::collection::hash_set(0..12_u8, 0..12),
        ) {
            let name = |run: &u8| run.to_string();
            let goes: HashSet<String> = going.iter().map(name).collect();
            let needs = |run: &str| Needs {
                runs: edges.iter().filter(|(of, _)| name(of) == run).map(|(_, by)| name(by)).collect(),
                more: false,
            };
            let saved = saved(&goes, needs);
            prop_assert!(saved.is_subset(&goes));
            let gone: HashSet<&String> = goes.difference(&saved).collect();
            for (of, by) in &edges {
                prop_assert!(!gone.contains(&name(of)) || gone.contains(&name(by)), "{} is needed by {}", of, by);
            }
            // The least such set: who is saved is reached from one that stays.
            for run in &saved {
                let mut seen = HashSet::from([run.clone()]);
                let mut open = vec![run.clone()];
                let mut reached = false;
                while let Some(at) = open.pop() {
                    for next in needs(&at).runs {
                        reached |= !goes.contains(&next);
                        if seen.insert(next.clone()) {
                            open.push(next);
                        }
                    }
                }
                prop_assert!(reached, "{} is saved by nobody", run);
            }
        }
    }

    #[test]
    fn what_could_not_be_listed_counts_as_staying() {
        let goes = HashSet::from(["a".to_owned()]);
        let needs = |_: &str| Needs {
            runs: vec!["a".to_owned()],
            more: true,
        };
        assert_eq!(saved(&goes, needs).len(), 1);
    }
}
