PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1347572801;
BEGIN TRANSACTION;
CREATE TABLE chunks (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    step INTEGER,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "chunks" VALUES(2,2,'default',1100,0,'{"id":{"step":0,"kind":"do","number":1},"name":"step 0","stream":"stdout","text":"zwölf\n"}');
CREATE TABLE documents (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "documents" VALUES('default','session','a',2,20,'{"turns":["ü",null]}');
CREATE TABLE idempotency (
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant, scope, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "idempotency" VALUES('default','execute','1','f',1);
INSERT INTO "idempotency" VALUES('default','execute','2','f',2);
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
INSERT INTO "records" VALUES(1,1,1,'default',1000,'{"v":1,"type":"created","run_id":"exec_00000000z80000000000000001","plan":{"name":"nightly","document":null,"parameters":{},"secret_parameters":[],"env":{},"preconditions":[],"steps":[{"name":"pause","needs":[],"condition":null,"preconditions":[],"action":{"wait":{"duration":[{"text":"0"}]}},"env":{},"dir":null,"runner":"local","output":null,"outputs":{},"output_bytes_max":4096,"retry":{"max_attempts":1,"delay_ms":0,"backoff":1.0,"max_delay_ms":null,"jitter":0.0,"on":[]},"timeout_ms":null,"grace_ms":5000,"stop_signal":15,"continue_on":{"failure":false,"skipped":false,"exit_code":[],"output":[],"mark_success":false},"foreach":null,"repeat":null,"rollback":null,"effects":"unknown","stdout":null,"stderr":null}],"handlers":{"success":null,"failure":null,"cancel":null,"exit":null},"on_failure":"stop","max_active_steps":0,"timeout_ms":null,"outputs":{},"budget":null,"files":{},"runner":"local","context":{}}}');
INSERT INTO "records" VALUES(1,2,2,'default',1200,'{"v":1,"type":"started","workflow":"nightly","steps":1}');
INSERT INTO "records" VALUES(2,1,1,'default',1000,'{"v":1,"type":"created","run_id":"exec_00000000z80000000000000002","plan":{"name":"nightly","document":null,"parameters":{},"secret_parameters":[],"env":{},"preconditions":[],"steps":[{"name":"pause","needs":[],"condition":null,"preconditions":[],"action":{"wait":{"duration":[{"text":"0"}]}},"env":{},"dir":null,"runner":"local","output":null,"outputs":{},"output_bytes_max":4096,"retry":{"max_attempts":1,"delay_ms":0,"backoff":1.0,"max_delay_ms":null,"jitter":0.0,"on":[]},"timeout_ms":null,"grace_ms":5000,"stop_signal":15,"continue_on":{"failure":false,"skipped":false,"exit_code":[],"output":[],"mark_success":false},"foreach":null,"repeat":null,"rollback":null,"effects":"unknown","stdout":null,"stderr":null}],"handlers":{"success":null,"failure":null,"cancel":null,"exit":null},"on_failure":"stop","max_active_steps":0,"timeout_ms":null,"outputs":{},"budget":null,"files":{},"runner":"local","context":{}}}');
INSERT INTO "records" VALUES(2,3,2,'default',1100,'{"v":1,"type":"started","workflow":"nightly","steps":1}');
INSERT INTO "records" VALUES(2,4,3,'default',1200,'{"v":1,"type":"finished","verdict":"success","duration_ms":100}');
CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
INSERT INTO "refinery_schema_history" VALUES(1,'begin','2026-11-24T02:28:36.848096668Z','10413263469255844320');
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
INSERT INTO "runs" VALUES(1,'default','exec_00000000z80000000000000001','key_1','nightly','running',1000,1200,NULL,2,2,NULL);
INSERT INTO "runs" VALUES(2,'default','exec_00000000z80000000000000002','key_1','nightly','success',1000,1100,1200,4,3,NULL);
CREATE INDEX runs_of_tenant ON runs (tenant, created_at DESC, run_id DESC);
CREATE INDEX runs_unfinished ON runs (created_at, run_id) WHERE completed_at IS NULL;
CREATE INDEX chunks_of_step ON chunks (run, step, seq);
CREATE INDEX idempotency_of_run ON idempotency (run);
COMMIT;
