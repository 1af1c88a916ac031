"""The database: one metadata, one unit of work, the outbox; all differences between SQLite and PostgreSQL sit here."""
