//! Which known key somebody meant.

/// The known key that is a typing mistake away from this one, or with which this one begins.
pub(crate) fn of<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |name: &&&str| distance(unknown, name) <= 2.max(unknown.len() / 3) || unknown.starts_with(**name);
    known.iter().filter(near).min_by_key(|name| distance(unknown, name)).copied()
}

/// How many letters to insert, delete or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named_and_a_far_one_is_not() {
        assert_eq!((distance("listn", "listen"), distance("", "abc")), (1, 3));
        assert_eq!(of("usr", &["url", "user", "password"]), Some("user"));
        assert_eq!(of("listen_to", &["public_url", "listen"]), Some("listen"));
        assert_eq!(of("zzzzzzz", &["url"]), None);
    }
}
