//! The engine: a plan becomes events on a real database.
