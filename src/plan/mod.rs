//! The plan: the runbook as data. Model, loader with positions, expectations, digest. Pure.

pub mod expect;
pub mod model;
