-- Who may use the admin side, who is logged in, and who changed what.

CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    role       TEXT    NOT NULL CHECK (role IN ('admin', 'viewer')),
    -- Argon2id, in the PHC string format.
    password   TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

-- Browsers that are logged in. The cookie holds a secret of which only the hash is kept.
CREATE TABLE logins (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sha256     BLOB    NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL,
    addr       TEXT    NOT NULL,
    agent      TEXT    NOT NULL
) STRICT;

CREATE INDEX logins_of_user ON logins (user_id);

CREATE TABLE audit (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    who   TEXT    NOT NULL,
    what  TEXT    NOT NULL,
    addr  TEXT    NOT NULL
) STRICT;

-- What a token may do: everything, or look.
ALTER TABLE api_tokens ADD COLUMN scope TEXT NOT NULL DEFAULT 'admin' CHECK (scope IN ('admin', 'viewer'));
