//! Near misses: which of the names that exist was probably meant.

/// Returns the candidate nearest to `name`, if it is near enough to suggest.
///
/// The distance counts insertions, deletions, substitutions and swaps of neighbors; it must be at
/// most 2 (1 for names of up to three bytes). Of several nearest ones the first counts.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = if name.len() <= 3 { 1 } else { 2 };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len().abs_diff(name.len()) > limit {
            continue;
        }
        let found = distance(name.as_bytes(), candidate.as_bytes());
        if found > 0 && found <= limit && best.is_none_or(|(least, _)| found < least) {
            best = Some((found, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The most suggestions that the oracle makes, and how far they may be.
const BEST_MAX: usize = 5;
const BEST_DISTANCE_MAX: usize = 2;

/// Returns the candidates that the oracle would suggest for `name`, best first.
///
/// Source: CppNix, `Suggestions::bestMatches` and `trim`: at most five, at most two insertions,
/// deletions or substitutions away, by distance and then by name.
pub fn best_matches<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = candidates
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= BEST_DISTANCE_MAX)
        .map(|candidate| (levenshtein(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|&(distance, _)| distance <= BEST_DISTANCE_MAX)
        .collect();
    near.sort_unstable();
    near.into_iter().take(BEST_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// Returns the number of insertions, deletions and substitutions between two texts, in bytes.
fn levenshtein(lhs: &[u8], rhs: &[u8]) -> usize {
    let mut last: Vec<usize> = (0..=rhs.len()).collect();
    for (i, a) in lhs.iter().enumerate() {
        let mut diagonal = i;
        if let Some(first) = last.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (b, cell) in rhs.iter().zip(last.iter_mut().skip(1)) {
            let least = (diagonal + usize::from(a != b)).min(*cell + 1).min(left + 1);
            diagonal = *cell;
            *cell = least;
            left = least;
        }
    }
    last.last().copied().unwrap_or_default()
}

/// Returns the number of edits between two texts, in bytes (optimal string alignment).
pub fn distance(lhs: &[u8], rhs: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=rhs.len()).collect();
    for (i, &a) in lhs.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in rhs.iter().enumerate() {
            let mut least = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && lhs[i - 1] == b && a == rhs[j - 1] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance(b"vlaue", b"value"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["enable", "package", "port"];
        assert_eq!(nearest("enabel", names.into_iter()), Some("enable"));
        assert_eq!(nearest("unrelated", names.into_iter()), None);
    }
}
