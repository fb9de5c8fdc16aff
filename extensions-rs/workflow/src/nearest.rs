//! The nearest of the known names to one that is not known.

/// Names that are looked at: a document may have a hundred thousand tasks, and a hundred mistakes.
const CANDIDATES_MAX: usize = 10_000;
/// Characters of a name that are compared.
const COMPARED_LENGTH: usize = 64;

/// A remedy that names the nearest known word, or all of a few.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut few = Vec::new();
    let mut best: Option<(usize, &str)> = None;
    let most = 1 + word.chars().count() / 3;
    for other in known.into_iter().take(CANDIDATES_MAX) {
        if few.len() <= 12 {
            few.push(other);
        }
        // Each character too many or too few is a step.
        if word.len().abs_diff(other.len()) <= most * 4 {
            let found = (distance(word, other), other);
            best = Some(best.map_or(found, |known| known.min(found)));
        }
    }
    match best {
        Some((steps, other)) if steps <= most => format!("did you mean `{other}`?"),
        _ if few.is_empty() => "there are none".to_owned(),
        _ if few.len() <= 12 => format!("it may be {}", few.join(", ")),
        _ => "see the reference of the workflow language".to_owned(),
    }
}

/// Levenshtein's distance, with a swap of neighbours as one step.
fn distance(a: &str, b: &str) -> usize {
    let chars = |text: &str| text.chars().take(COMPARED_LENGTH).collect::<Vec<char>>();
    let (a, b) = (chars(a), chars(b));
    let (mut older, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    let mut last = None;
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(COMPARED_LENGTH);
            let mut steps = (at(&above, j + 1) + 1).min(at(&row, j) + 1);
            steps = steps.min(at(&above, j) + usize::from(x != y));
            if j > 0 && last == Some(y) && b.get(j - 1) == Some(x) {
                steps = steps.min(at(&older, j - 1) + 1);
            }
            row.push(steps);
        }
        last = Some(x);
        older = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_told() {
        assert_eq!(
            suggest("retyr", ["retry", "rate", "with"]),
            "did you mean `retry`?"
        );
        assert_eq!(suggest("zzz", ["a", "b"]), "it may be a, b");
        assert_eq!(suggest("zzz", []), "there are none");
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
