-- The journal: one row per batch, append-only, each hash covering the one before and what the batch did beside its
-- records. last_seq = first_seq - 1: it has none. The narrow columns come first, so that a filter need not read the
-- pages a long body runs over to.
CREATE TABLE journal (
    place INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    at REAL NOT NULL,
    run TEXT NOT NULL,
    build TEXT NOT NULL,
    card TEXT,
    op_id TEXT NOT NULL UNIQUE, -- so that no batch is applied twice
    changes TEXT NOT NULL,
    hash BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX journal_seq ON journal (last_seq);

CREATE INDEX journal_card ON journal (card) WHERE card IS NOT NULL;

-- One row: where the journal ends, and the sum of the digests of all payloads modulo 2^256.
CREATE TABLE head (
    place INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    payloads BLOB NOT NULL
) STRICT;

INSERT INTO head VALUES (0, 0, x'd93db031e46cc320f4211fc62efe0fa08bbbf512c5cc36a726f78c33b8835d92', zeroblob(32));

CREATE TABLE card (
    place INTEGER PRIMARY KEY,
    build TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT,
    until REAL NOT NULL,
    token INTEGER NOT NULL,
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
    digest BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL
) STRICT;
