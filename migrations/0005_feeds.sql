-- Playlists and guides at any size: how each is fetched and what is taken from it, the versions that were fetched, what people
-- set against what playlists say, which channel of a guide is which of ours, and which device has which channels.

ALTER TABLE providers ADD COLUMN origin     TEXT NOT NULL DEFAULT 'settings' CHECK (origin IN ('settings', 'person', 'demo'));
ALTER TABLE providers ADD COLUMN access     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(access));
ALTER TABLE providers ADD COLUMN rules      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(rules));
ALTER TABLE providers ADD COLUMN refresh_h  INTEGER NOT NULL DEFAULT 12 CHECK (refresh_h BETWEEN 0 AND 8760);
ALTER TABLE providers ADD COLUMN limit_said INTEGER NOT NULL DEFAULT 0 CHECK (limit_said IN (0, 1));
ALTER TABLE providers ADD COLUMN account    TEXT CHECK (account IS NULL OR json_valid(account));
ALTER TABLE providers ADD COLUMN checked_ms INTEGER;
ALTER TABLE providers ADD COLUMN last_error TEXT;

UPDATE providers SET origin = 'demo' WHERE key = 'demo:';

ALTER TABLE channels ADD COLUMN own_name     TEXT;
ALTER TABLE channels ADD COLUMN own_logo     TEXT;
ALTER TABLE channels ADD COLUMN own_guide_id TEXT;
ALTER TABLE channels ADD COLUMN own_group    TEXT;

ALTER TABLE sources ADD COLUMN pinned    INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
ALTER TABLE sources ADD COLUMN own_place INTEGER;
ALTER TABLE sources ADD COLUMN assigned  INTEGER NOT NULL DEFAULT 0 CHECK (assigned IN (0, 1));

CREATE TABLE guides (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    location    TEXT    NOT NULL,
    provider_id INTEGER REFERENCES providers (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL DEFAULT 0,
    active      INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    access      TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(access)),
    refresh_h   INTEGER NOT NULL DEFAULT 12 CHECK (refresh_h BETWEEN 0 AND 8760),
    checked_ms  INTEGER,
    imported_ms INTEGER,
    last_error  TEXT
) STRICT;

CREATE INDEX guides_of_provider ON guides (provider_id);

CREATE TABLE feed_versions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    feed       TEXT    NOT NULL CHECK (feed IN ('playlist', 'guide')),
    feed_id    INTEGER NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('current', 'held')),
    file       TEXT    NOT NULL UNIQUE,
    fetched_ms INTEGER NOT NULL,
    validators TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(validators)),
    report     TEXT    NOT NULL CHECK (json_valid(report)),
    reason     TEXT,
    UNIQUE (feed, feed_id, state)
) STRICT;

CREATE TABLE mappings (
    channel_id    INTEGER PRIMARY KEY REFERENCES channels (id),
    guide_id      INTEGER REFERENCES guides (id) ON DELETE SET NULL,
    guide_channel TEXT,
    how           TEXT    NOT NULL CHECK (how IN ('person', 'guide_id', 'tvg_id', 'name')),
    offset_s      INTEGER NOT NULL DEFAULT 0,
    mapped_ms     INTEGER NOT NULL
) STRICT;

CREATE INDEX mappings_of_guide ON mappings (guide_id);

ALTER TABLE devices ADD COLUMN every_channel INTEGER NOT NULL DEFAULT 1 CHECK (every_channel IN (0, 1));

CREATE TABLE device_channels (
    device_row INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL REFERENCES channels (id),
    PRIMARY KEY (device_row, channel_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX device_channels_of_channel ON device_channels (channel_id);
