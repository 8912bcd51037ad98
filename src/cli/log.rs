//! tracing, to a file in the run's folder.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::failure::Failure;

/// Makes sure that the level can be understood, before anything begins.
pub fn check(level: &str) -> Result<(), Failure> {
    filter(level).map(drop)
}

fn filter(level: &str) -> Result<EnvFilter, Failure> {
    let wrong =
        |why: String| Failure::usage(format!("--log {level}: {why}; say error, warn, info, debug or trace"));
    // A word that isn't a level would be taken for a module's name, and the log would stay empty.
    let unknown = level.split(',').find(|word| {
        !word.contains('=') && word.trim().parse::<tracing_subscriber::filter::LevelFilter>().is_err()
    });
    if let Some(word) = unknown {
        return Err(wrong(format!("\"{word}\" isn't a level")));
    }
    EnvFilter::try_new(level).map_err(|error| wrong(error.to_string()))
}

/// Writes from now on into the log of a run. A log that can't be written must not stop the run.
pub fn start(path: &Path, level: &str) {
    let Ok(filter) = filter(level) else { return };
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    match file {
        Ok(file) => {
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_ansi(false)
                .with_writer(Mutex::new(Forgiving(file)))
                .finish();
            // A second run in one process keeps the first log.
            let _ = tracing::subscriber::set_global_default(subscriber);
        }
        Err(error) => super::out::complain(&format!("no log: {} can't be written: {error}", path.display())),
    }
}

/// A full disk takes the log, not the run.
struct Forgiving(std::fs::File);

impl std::io::Write for Forgiving {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(self.0.write(bytes).unwrap_or(bytes.len()))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
