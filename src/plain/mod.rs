//! Events as lines an operator wants to find in a log.
