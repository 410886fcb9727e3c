-- Journal and output become tables that are only ever appended to, each with a small index. Kept inside
-- the index itself, a large body (the plan in a run's first record) was copied at every look-up beside it.
CREATE TABLE records_appended (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    record_no INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

INSERT INTO records_appended (run, seq, record_no, tenant, at, body)
SELECT run, seq, record_no, tenant, at, body FROM records ORDER BY run, seq;

DROP TABLE records;
ALTER TABLE records_appended RENAME TO records;
CREATE UNIQUE INDEX records_of_run ON records (run, seq);

CREATE TABLE chunks_appended (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    step INTEGER,
    body TEXT NOT NULL
) STRICT;

INSERT INTO chunks_appended (run, seq, tenant, at, step, body)
SELECT run, seq, tenant, at, step, body FROM chunks ORDER BY run, seq;

DROP TABLE chunks;
ALTER TABLE chunks_appended RENAME TO chunks;
CREATE UNIQUE INDEX chunks_of_run ON chunks (run, seq);
CREATE INDEX chunks_of_step ON chunks (run, step, seq);
