-- The first schema. Commented in README.md of this directory. Never edited once released: the next change is 0002.

CREATE TABLE providers (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    key             TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    location        TEXT    NOT NULL,
    max_connections INTEGER NOT NULL CHECK (max_connections >= 1),
    position        INTEGER NOT NULL DEFAULT 0,
    active          INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    imported_ms     INTEGER
) STRICT;

CREATE TABLE channels (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT    NOT NULL UNIQUE,
    number      TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    logo        TEXT,
    guide_id    TEXT,
    group_name  TEXT,
    enabled     INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    favorite    INTEGER NOT NULL DEFAULT 0 CHECK (favorite IN (0, 1)),
    drm         INTEGER NOT NULL DEFAULT 0 CHECK (drm IN (0, 1)),
    info        TEXT    CHECK (info IS NULL OR json_valid(info)),
    created_ms  INTEGER NOT NULL,
    removed_ms  INTEGER
) STRICT;

CREATE UNIQUE INDEX channels_living_number ON channels (number) WHERE removed_ms IS NULL;

CREATE TABLE sources (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    provider_id INTEGER NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    channel_id  INTEGER NOT NULL REFERENCES channels (id),
    item_key    TEXT    NOT NULL,
    url_key     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    url         TEXT    NOT NULL,
    headers     TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(headers)),
    priority    INTEGER NOT NULL DEFAULT 0,
    enabled     INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    active      INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_ms  INTEGER NOT NULL,
    UNIQUE (provider_id, item_key)
) STRICT;

CREATE INDEX sources_of_channel ON sources (channel_id, active);

CREATE TABLE source_health (
    source_id       INTEGER PRIMARY KEY REFERENCES sources (id) ON DELETE CASCADE,
    failures        INTEGER NOT NULL,
    last_failure_ms INTEGER,
    last_reason     TEXT,
    last_success_ms INTEGER,
    cool_until_ms   INTEGER
) STRICT;

CREATE TABLE retired_numbers (
    number     TEXT    PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channels (id),
    retired_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id   TEXT    NOT NULL UNIQUE,
    auth        TEXT    NOT NULL,
    udn         TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    tuner_count INTEGER NOT NULL CHECK (tuner_count BETWEEN 1 AND 255),
    listen      TEXT    UNIQUE
) STRICT;

CREATE TABLE api_tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    sha256       BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    created_ms   INTEGER NOT NULL,
    last_used_ms INTEGER
) STRICT;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
