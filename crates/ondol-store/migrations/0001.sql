-- Which version of the program brought the schema to which version, so that an older program can
-- say which one is needed.
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    program TEXT    NOT NULL,
    at_ms   INTEGER NOT NULL
) STRICT;

-- What happened on the box, oldest first. AUTOINCREMENT: a number is never given twice, also when
-- the newest event was thinned out.
CREATE TABLE events (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms   INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    message TEXT    NOT NULL
) STRICT;
