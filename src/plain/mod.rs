//! Events as lines an operator wants to find in a log.
#[derive(Debug)]
pub struct Style {
    pub colour: bool,
    pub ascii: bool,
    pub width: usize,
}
#[derive(Debug)]
pub struct Printer;
impl Printer {
    pub fn new(_s: Style) -> Self {
        Self
    }
    pub fn line(&mut self, e: &crate::run::event::Envelope) -> Vec<String> {
        vec![format!(
            "{} {}",
            e.seq,
            serde_json::to_string(&e.event).unwrap_or_default().chars().take(300).collect::<String>()
        )]
    }
    pub fn say(&mut self, s: &str, t: &str) -> Vec<String> {
        vec![format!("{s}: {t}")]
    }
    pub fn summary(&self) -> Vec<String> {
        vec![]
    }
}
