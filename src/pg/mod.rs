//! PostgreSQL: connections, the ledger, inventories, fingerprints, a server of our own.
