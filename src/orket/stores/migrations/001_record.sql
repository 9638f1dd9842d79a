-- The journal: one row per batch that has records, append-only, each hash covering the one before.
-- The narrow columns come first, so that a filter need not read the pages a long body runs over to.
CREATE TABLE journal (
    last_seq INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    at REAL NOT NULL,
    run TEXT NOT NULL,
    build TEXT NOT NULL,
    card TEXT,
    op_id TEXT NOT NULL,
    hash BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX journal_card ON journal (card) WHERE card IS NOT NULL;

-- Every batch that was ever applied, so that none is applied twice. first_seq = last_seq = 0: it had no records.
CREATE TABLE operation (
    op_id TEXT PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    tokens TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
    place INTEGER PRIMARY KEY,
    build TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT,
    until REAL NOT NULL,
    token INTEGER NOT NULL,
    digest BLOB NOT NULL, -- SHA-256 of the body, so that a claim need not read it to seal the row
    body TEXT NOT NULL,
    UNIQUE (build, id)
) STRICT;

CREATE TABLE run (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    build TEXT NOT NULL,
    started_at REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- What runs were charged; apart from their rows, which are long and rarely change.
CREATE TABLE charge (
    run TEXT PRIMARY KEY,
    turns INTEGER NOT NULL,
    tokens INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT;

-- Texts by the SHA-256 of their bytes; bytes, because a text may hold what UTF-8 does not.
CREATE TABLE payload (
    place INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL
) STRICT;

-- What verify() compares the rows of the other tables with: how many there are, and the sum of their digests.
CREATE TABLE seal (
    name TEXT PRIMARY KEY,
    rows INTEGER NOT NULL,
    total BLOB NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO seal
SELECT column1, 0, zeroblob(32)
FROM (VALUES ('card'), ('charge'), ('document'), ('operation'), ('payload'), ('run'));
