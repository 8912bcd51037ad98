//! A run's events on disk: durable before what they announce is done, chained by hashes.
