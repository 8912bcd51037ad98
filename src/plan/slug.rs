//! An id out of a title.

/// Lower-case letters and digits, everything else one hyphen; `untitled` when nothing is left.
pub fn slug(title: &str) -> String {
    let mut out = String::with_capacity(title.len());
    for c in title.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    while out.ends_with('-') {
        out.pop();
    }
    if out.is_empty() { "untitled".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn titles_become_ids() {
        assert_eq!(slug("4.1.1 Total stages"), "4-1-1-total-stages");
        assert_eq!(slug("  Prüfung: alles?  "), "prüfung-alles");
        assert_eq!(slug("…"), "untitled");
    }
}
