//! Platforms' words as staff may read them.

/// The platform's words with every run of seven digits or more, which could be a telephone number or somebody's id, replaced by a star.
pub fn without_numbers(text: &str) -> String {
    let mut clean = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            run.push(c);
            continue;
        }
        clean.push_str(if run.len() >= 7 { "*" } else { &run });
        run.clear();
        clean.push(c);
    }
    clean.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_telephone_number_is_a_star_and_a_code_stays() {
        assert_eq!(without_numbers("(#131026) to 6281234567890"), "(#131026) to *");
    }
}
