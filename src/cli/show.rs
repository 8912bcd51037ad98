//! `holdpoint show`: a plan as a tree, as what a rollback would do, or as JSON.

use super::args::ShowArgs;
use super::failure::Failure;
use super::{out, shipped};
use crate::engine::exit::Exit;
use crate::plan::show as shown;
use crate::plan::{FileCheck, LoadOptions, load};

/// Shows a plan; its files needn't be there.
pub fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let plan = shipped::find(&args.plan)?;
    let loaded = load(&plan.path, LoadOptions { files: FileCheck::Skip })
        .map_err(|diagnostics| Failure::usage(format!("the plan has errors\n{diagnostics}")))?;
    let text = if args.json {
        serde_json::to_string_pretty(&shown::json(&loaded.plan))
            .map_err(|error| Failure::usage(error.to_string()))?
    } else if args.rollback {
        shown::rollback(&loaded.plan, out::page_width())
    } else {
        shown::tree(&loaded.plan, out::page_width())
    };
    for line in text.trim_end().lines() {
        out::line(line);
    }
    Ok(Exit::Done)
}
