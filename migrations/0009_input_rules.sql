-- What people say of single streams that are pushed to us: who may send them, and how.

CREATE TABLE input_rules (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The stream's id, as its sender says it.
    stream     TEXT    NOT NULL UNIQUE,
    -- Of SRT. NULL: that of the settings.
    passphrase TEXT,
    latency_ms INTEGER CHECK (latency_ms > 0),
    -- Both or neither. They are compared with what comes in clear, so they are kept in clear.
    user       TEXT,
    password   TEXT,
    changed_ms INTEGER NOT NULL,
    CHECK ((user IS NULL) = (password IS NULL))
) STRICT;
