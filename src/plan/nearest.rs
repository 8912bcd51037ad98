//! The known word that somebody probably meant.

/// The nearest of `known`, when it is near enough to be a slip of the fingers.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = word.to_lowercase();
    let allowed = match word.chars().count() {
        0..=3 => 1,
        4..=6 => 2,
        n => n / 3,
    };
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed * 4)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("titel", ["title", "id"]), Some("title"));
        assert_eq!(nearest("Title", ["title"]), Some("title"));
        assert_eq!(nearest("x", ["as", "on"]), None);
        assert_eq!(nearest("completely", ["else", "id"]), None);
        assert_eq!(nearest("", ["id"]), None);
    }
}
