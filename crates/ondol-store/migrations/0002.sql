-- Tries to get certificates, oldest first. One without `ended_at` was under way when Ondol ended. They are
-- what keeps the box within its issuers' limits, so each is written before the issuer is asked.
CREATE TABLE certificate_tries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL, -- what the certificate is called
    names       TEXT    NOT NULL, -- all that it covers, with a space between
    issuer      TEXT    NOT NULL,
    environment TEXT    NOT NULL, -- production, staging
    at          INTEGER NOT NULL, -- seconds since the Unix epoch, as all below
    ordered     INTEGER NOT NULL, -- whether the issuer was asked for an order
    replaces    INTEGER NOT NULL, -- whether the order named the certificate that it replaces
    ended_at    INTEGER,
    outcome     TEXT,             -- issued, or the word of a failure
    retry_at    INTEGER,          -- before this the issuer does not want to be asked again
    message     TEXT              -- how it ended, for people
) STRICT;
