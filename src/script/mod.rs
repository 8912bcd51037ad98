//! SQL scripts by psql's rules: lexer, splitter, meta-commands, classification. Pure.
