-- Launches of apps, oldest first: the processes of one release with one set of settings, started together. Each is
-- written before it begins; one without `ended_at` was under way when Ondol ended, and has not happened.
CREATE TABLE launches (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    app      TEXT    NOT NULL,
    kind     TEXT    NOT NULL, -- start, deploy, rollback, restart, settings
    release  INTEGER,          -- NULL: the app's own folder, or one that is not made yet
    source   TEXT    NOT NULL, -- where the release comes from, for people; empty where none is made
    step     TEXT    NOT NULL, -- how far it came
    began_at INTEGER NOT NULL, -- seconds since the Unix epoch, as all below
    live_at  INTEGER,          -- since when visitors got it; NULL when they never did
    ended_at INTEGER,
    outcome  TEXT,             -- done, failed, rolled-back, interrupted
    reason   TEXT              -- why, for people
) STRICT;

CREATE INDEX launches_of_app ON launches (app, kind, id);

-- What else is to be known of an app after a restart.
CREATE TABLE apps (
    name     TEXT    PRIMARY KEY,
    stopped  INTEGER NOT NULL DEFAULT 0, -- whether its owner has stopped it
    releases INTEGER NOT NULL DEFAULT 0  -- the number of its last release; none is given twice
) STRICT;

-- Runs of cron lines of apps, oldest first.
CREATE TABLE cron_runs (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    app      TEXT    NOT NULL,
    line     TEXT    NOT NULL, -- which line: when and what
    due_at   INTEGER NOT NULL, -- seconds since the Unix epoch, as all below
    began_at INTEGER,          -- NULL: it was left out
    ended_at INTEGER,
    outcome  TEXT,             -- done, failed, timed-out, skipped, missed, interrupted; NULL while it lasts
    message  TEXT              -- how it ended, for people
) STRICT;

CREATE INDEX cron_runs_of_app ON cron_runs (app, line, id);
