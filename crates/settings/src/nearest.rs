//! Which known key somebody meant.

/// Makes serde's sentence about an unknown field one that helps.
pub(crate) fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (true, Some(unknown)) = (message.starts_with("unknown field"), quoted.next()) else { return message.to_owned() };
    let nearest = quoted.map(|known| (distance(unknown, known), known)).min();
    match nearest {
        Some((steps, known)) if steps <= unknown.len().max(known.len()) / 2 => {
            format!("`{unknown}` is not an option here; did you mean `{known}`?")
        }
        _ => format!("`{unknown}` is not an option here"),
    }
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
        assert_eq!(distance("listn", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
        let near = explain("unknown field `usr`, expected one of `url`, `user`, `password`");
        assert!(near.contains("`url`") || near.contains("`user`"), "{near}");
        assert_eq!(explain("unknown field `zzzzzzz`, expected `url`"), "`zzzzzzz` is not an option here");
        assert_eq!(explain("invalid type"), "invalid type");
    }
}
