-- Sessions that were, for the history. Commented in README.md of this directory.

CREATE TABLE session_history (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session    INTEGER NOT NULL,
    opened_ms  INTEGER NOT NULL,
    closed_ms  INTEGER,
    written_ms INTEGER NOT NULL,
    record     TEXT    NOT NULL CHECK (json_valid(record)),
    UNIQUE (opened_ms, session)
) STRICT;
