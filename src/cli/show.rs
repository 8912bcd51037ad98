//! `holdpoint show`: a plan as a tree, as what a rollback would do, or as JSON.

use super::args::ShowArgs;
use super::failure::Failure;
use super::{out, shipped};
use crate::engine::exit::Exit;
use crate::engine::rollback::forecasts;
use crate::engine::sources::Sources;
use crate::plan::show as shown;
use crate::plan::{FileCheck, LoadOptions, load};
use crate::script::Variables;

/// Shows a plan; its files needn't be there.
pub fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let plan = shipped::find(&args.plan)?;
    let loaded = load(&plan.path, LoadOptions { files: FileCheck::Skip })
        .map_err(|diagnostics| Failure::usage(format!("the plan has errors\n{diagnostics}")))?;
    let text = if args.json {
        serde_json::to_string_pretty(&shown::json(&loaded.plan))
            .map_err(|error| Failure::usage(error.to_string()))?
    } else if args.rollback {
        let mut vars = Variables::new();
        for var in &loaded.plan.vars {
            let _ = vars.set(&var.name, var.default.clone().unwrap_or_default());
        }
        let told = forecasts(&loaded.plan, &Sources::loose(&loaded.plan.sql_dir), &vars);
        let words = told.into_iter().map(|(step, forecast)| (step, forecast.words())).collect();
        shown::rollback(&loaded.plan, &words, out::page_width())
    } else {
        shown::tree(&loaded.plan, out::page_width())
    };
    for line in text.trim_end().lines() {
        out::line(line);
    }
    Ok(Exit::Done)
}
