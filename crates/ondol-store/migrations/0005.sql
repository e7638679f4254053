-- How things are, by subject (`internet`, `site:blog.example.com`).
CREATE TABLE watch_states (
    subject TEXT    PRIMARY KEY,
    state   TEXT    NOT NULL, -- unknown, pass, warn, fail
    since   INTEGER NOT NULL, -- seconds since the Unix epoch, as all times below
    memory  TEXT    NOT NULL  -- what else is remembered of it, as JSON
) STRICT, WITHOUT ROWID;

-- What was or is wrong. The numbers are given by who watches.
CREATE TABLE incidents (
    id              INTEGER PRIMARY KEY,
    subject         TEXT    NOT NULL, -- the cause, as far as is known
    members         TEXT    NOT NULL, -- what is not well because of it, a line each
    severity        TEXT    NOT NULL, -- info, warning, critical
    sentence        TEXT    NOT NULL, -- for people
    began_at        INTEGER NOT NULL,
    ended_at        INTEGER,          -- NULL: it is open
    acknowledged_by TEXT,
    acknowledged_at INTEGER,
    memory          TEXT    NOT NULL  -- what else is remembered of it, as JSON
) STRICT;

CREATE INDEX open_incidents ON incidents (id) WHERE ended_at IS NULL;

-- The outbox: messages to people, one row for each of a person's channels. A row is written with the incident that it
-- is about, before anything is sent; it waits as long as `outcome` is NULL.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    incident     INTEGER,          -- NULL: it is about none, or about several
    person       TEXT    NOT NULL,
    channel      TEXT    NOT NULL, -- email, ntfy, email-2
    kind         TEXT    NOT NULL, -- problem, reminder, recovery, summary, digest, news, test, drill
    severity     TEXT    NOT NULL, -- info, warning, critical
    subject      TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    queued_at    INTEGER NOT NULL,
    not_before   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    wants_answer INTEGER NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    is_begun     INTEGER NOT NULL DEFAULT 0, -- 1: it is being sent, or may have arrived
    next_at      INTEGER NOT NULL,
    outcome      TEXT,             -- delivered, folded, given-up, dropped
    ended_at     INTEGER,
    error        TEXT,             -- why the last try failed, for people
    folded_into  INTEGER,          -- the message that took its place
    parts        TEXT              -- what a message that took the place of several tells of, as JSON
) STRICT;

CREATE INDEX waiting_messages ON messages (person, channel, id) WHERE outcome IS NULL;
CREATE INDEX messages_of_incident ON messages (incident, person) WHERE incident IS NOT NULL;

-- How things were, by day: seconds in each state, and how long answers took.
CREATE TABLE watch_days (
    subject   TEXT    NOT NULL,
    day       INTEGER NOT NULL, -- days since the Unix epoch
    pass_s    INTEGER NOT NULL,
    warn_s    INTEGER NOT NULL,
    fail_s    INTEGER NOT NULL,
    unknown_s INTEGER NOT NULL,
    answers   INTEGER NOT NULL,
    sum_ms    INTEGER NOT NULL,
    max_ms    INTEGER NOT NULL,
    PRIMARY KEY (subject, day)
) STRICT, WITHOUT ROWID;

-- How long answers took, by hour.
CREATE TABLE watch_hours (
    subject TEXT    NOT NULL,
    hour    INTEGER NOT NULL, -- hours since the Unix epoch
    answers INTEGER NOT NULL,
    sum_ms  INTEGER NOT NULL,
    max_ms  INTEGER NOT NULL,
    PRIMARY KEY (subject, hour)
) STRICT, WITHOUT ROWID;

-- What else is to be known of watching after a restart.
CREATE TABLE watch_facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The last sign of life of the box: one row.
CREATE TABLE watch_beat (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    boot_id  TEXT    NOT NULL,
    wall     INTEGER NOT NULL,
    boottime INTEGER NOT NULL, -- seconds since the machine started, asleep or not
    is_clean INTEGER NOT NULL, -- 1: what came after it was meant
    reason   TEXT    NOT NULL
) STRICT;
