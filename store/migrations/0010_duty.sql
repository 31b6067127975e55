-- Duty: units, their members and rosters, exceptions, and how people are reached. Patterns are text in the form that
-- docs/duty.md describes; times are milliseconds since 1970 UTC, dates are YYYY-MM-DD of the unit's own clock.

CREATE TABLE contacts (
    username TEXT PRIMARY KEY REFERENCES users (username),
    -- Separated by ';', the first one first.
    phones TEXT NOT NULL,
    email TEXT,
    language TEXT NOT NULL,
    -- 'HH:MM-HH:MM'
    quiet TEXT,
    channels TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE duty_units (
    -- 'region:CODE' or 'enterprise:CODE'.
    id TEXT PRIMARY KEY,
    region TEXT REFERENCES regions (code),
    enterprise TEXT REFERENCES enterprises (code),
    utc_offset_min BIGINT NOT NULL,
    shifts TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX duty_units_region ON duty_units (region);
CREATE INDEX duty_units_enterprise ON duty_units (enterprise);

CREATE TABLE duty_members (
    -- UNIT/USER/ROLE
    id TEXT PRIMARY KEY,
    unit TEXT NOT NULL REFERENCES duty_units (id),
    username TEXT NOT NULL REFERENCES users (username),
    role TEXT NOT NULL,
    team TEXT,
    version BIGINT NOT NULL
);
CREATE INDEX duty_members_unit ON duty_members (unit);
CREATE INDEX duty_members_username ON duty_members (username);

CREATE TABLE duty_rotations (
    -- UNIT/ROLE
    id TEXT PRIMARY KEY,
    unit TEXT NOT NULL REFERENCES duty_units (id),
    role TEXT NOT NULL,
    anchor TEXT NOT NULL,
    days TEXT NOT NULL,
    rest_days TEXT,
    version BIGINT NOT NULL
);
CREATE INDEX duty_rotations_unit ON duty_rotations (unit);
