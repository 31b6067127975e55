-- The alarm desk: warnings, their time lines, messages to people, rules and ladder. Truth, not a projection.
CREATE TABLE desk_numbers (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE warnings (
    no          BIGINT PRIMARY KEY,
    enterprise  TEXT,
    hazard      TEXT,
    equipment   TEXT,
    kind        TEXT NOT NULL,
    colour      BIGINT NOT NULL,
    state       TEXT NOT NULL,
    drill       BIGINT NOT NULL,
    raised_at   BIGINT NOT NULL,
    closed_at   BIGINT,
    answered_by TEXT,
    words       TEXT NOT NULL,
    doc         TEXT NOT NULL
);
CREATE INDEX warnings_by_state ON warnings (state, raised_at);
CREATE INDEX warnings_by_time ON warnings (raised_at, no);
CREATE INDEX warnings_by_enterprise ON warnings (enterprise, raised_at);

CREATE TABLE warning_entries (
    seq     BIGINT PRIMARY KEY,
    warning BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    change  TEXT NOT NULL
);
CREATE INDEX warning_entries_by_warning ON warning_entries (warning, seq);

CREATE TABLE warning_alarms (
    warning BIGINT NOT NULL,
    alarm   TEXT NOT NULL,
    PRIMARY KEY (warning, alarm)
);
CREATE INDEX warning_alarms_by_alarm ON warning_alarms (alarm);

-- Alarms that the rules still have to do with.
CREATE TABLE desk_alarms (
    alarm TEXT PRIMARY KEY,
    doc   TEXT NOT NULL
);

CREATE TABLE messages (
    id         TEXT PRIMARY KEY,
    no         BIGINT NOT NULL UNIQUE,
    warning    BIGINT NOT NULL,
    person     TEXT,
    rung       TEXT NOT NULL,
    why        TEXT NOT NULL,
    means      TEXT NOT NULL,
    address    TEXT NOT NULL,
    colour     BIGINT NOT NULL,
    language   TEXT NOT NULL,
    subject    TEXT NOT NULL,
    body       TEXT NOT NULL,
    facts      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    state      TEXT NOT NULL,
    next_at    BIGINT NOT NULL,
    batch      TEXT,
    tries      BIGINT NOT NULL DEFAULT 0,
    first_try  BIGINT,
    doubles    BIGINT NOT NULL DEFAULT 0,
    channel    TEXT,
    sent_at    BIGINT,
    receipt    TEXT,
    error      TEXT,
    read_at    BIGINT
);
CREATE INDEX messages_by_state ON messages (state, next_at);
CREATE INDEX messages_by_warning ON messages (warning, no);
CREATE INDEX messages_by_person ON messages (person, no);

CREATE TABLE desk_settings (
    what    TEXT NOT NULL,
    version BIGINT NOT NULL,
    doc     TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at      BIGINT NOT NULL,
    reason  TEXT NOT NULL,
    PRIMARY KEY (what, version)
);
