-- Jobs of backups, oldest first: taking one, removing, checking, proving, putting back. Each is written before it
-- begins; one without `ended_at` was under way when Ondol ended, and has not happened.
CREATE TABLE backup_jobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL, -- full, databases, prune, check, prove, drill, restore
    target     TEXT    NOT NULL, -- the name of the place
    run        TEXT,             -- the backup that it takes; NULL for other kinds
    began_at   INTEGER NOT NULL, -- seconds since the Unix epoch, as all below
    ended_at   INTEGER,
    outcome    TEXT,             -- good, partial, failed, interrupted, skipped
    message    TEXT,             -- how it ended, for people
    manifest   TEXT,             -- what the backup holds, as JSON
    proven_run TEXT              -- the backup that was shown to be restorable
) STRICT;

CREATE INDEX backup_jobs_of_target ON backup_jobs (target, kind, id);

-- Which backups there are, as far as this box knows; the later a run, the greater its name.
CREATE TABLE backup_catalogue (
    target   TEXT    NOT NULL,
    run      TEXT    NOT NULL,
    kind     TEXT    NOT NULL, -- full, databases
    at       INTEGER NOT NULL,
    is_good  INTEGER NOT NULL, -- whether nothing is missing in it
    manifest TEXT    NOT NULL, -- what it holds, as JSON
    PRIMARY KEY (target, run)
) STRICT, WITHOUT ROWID;

-- What else is to be known of backups after a restart.
CREATE TABLE backup_facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
