//! What somebody meant who has misspelt a word.

/// The word that is most like this one, if any is like it at all.
pub(super) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &&str| strsim::damerau_levenshtein(&word.to_lowercase(), other);
    words.min_by_key(likeness).filter(|near| likeness(near) <= (near.chars().count() / 3).max(1))
}
