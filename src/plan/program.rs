//! Programs and messages, as the model has them.

use std::time::Duration;

/// A program that a step runs, and its surroundings.
#[derive(Debug, Clone)]
pub struct Program {
    pub call: Call,
    pub stdin: Option<String>,
    /// Where it runs; relative to the plan's folder, which it is when `None`.
    pub cwd: Option<String>,
    pub env: Vec<(String, String)>,
    /// `None`: it may take as long as it wants.
    pub timeout: Option<Duration>,
}

/// How a program is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// The program and its arguments; never empty in a checked plan.
    Argv(Vec<String>),
    /// A text for `/bin/sh`, in which nothing is filled in.
    Shell(String),
}

impl Call {
    /// For people, on one line: arguments that a shell would split stand in quotes.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Shell(text) => {
                let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                let first = lines.next().unwrap_or_default().to_owned();
                if lines.next().is_some() { format!("{first} …") } else { first }
            }
            Self::Argv(words) => {
                let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+{}".contains(c);
                let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
                    true => word.clone(),
                    false => format!("'{}'", word.replace('\'', "'\\''")),
                };
                words.iter().map(quoted).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// A message to people.
#[derive(Debug, Clone)]
pub struct Notice {
    pub text: String,
    /// Roles.
    pub to: Vec<String>,
    /// Told again so often while its phase or procedure runs.
    pub remind: Option<Duration>,
}
