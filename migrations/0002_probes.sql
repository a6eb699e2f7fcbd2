-- What the prober found out about each source, the last time it looked.

CREATE TABLE source_probes (
    source_id     INTEGER PRIMARY KEY REFERENCES sources (id) ON DELETE CASCADE,
    probed_ms     INTEGER NOT NULL,
    proven        INTEGER NOT NULL CHECK (proven IN (0, 1)),
    reason        TEXT,
    first_byte_ms INTEGER,
    keyframe_ms   INTEGER,
    info          TEXT    NOT NULL CHECK (json_valid(info))
) STRICT;
