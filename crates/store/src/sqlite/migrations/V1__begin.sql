-- One row per run. `last_seq` and `last_record` number its latest entry and record; a writer that
-- does not know the latest record no longer owns the run.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    run_id TEXT NOT NULL UNIQUE,
    principal TEXT NOT NULL,
    workflow TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    last_seq INTEGER NOT NULL,
    last_record INTEGER NOT NULL,
    traceparent TEXT
) STRICT;

CREATE INDEX runs_of_tenant ON runs (tenant, created_at DESC, run_id DESC);
CREATE INDEX runs_unfinished ON runs (created_at, run_id) WHERE completed_at IS NULL;

-- The journal. `seq` is dense per run over records and chunks together, `record_no` over records alone.
CREATE TABLE records (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    record_no INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    type TEXT GENERATED ALWAYS AS (body ->> 'type') VIRTUAL,
    PRIMARY KEY (run, seq),
    UNIQUE (run, record_no)
) STRICT, WITHOUT ROWID;

-- The output. `step` is null for handlers and for the preconditions of the workflow itself.
CREATE TABLE chunks (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    step INTEGER,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX chunks_of_step ON chunks (run, step, seq);

CREATE TABLE idempotency (
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant, scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_of_run ON idempotency (run);

CREATE TABLE documents (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;
