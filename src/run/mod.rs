//! A run: its events, the fold over them, and what is allowed now. Pure.
