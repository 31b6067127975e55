-- Holidays and swapped working days: of every unit where `unit` is null, else of one, which then wins.
CREATE TABLE duty_days (
    -- UNIT/DATE, or */DATE.
    id TEXT PRIMARY KEY,
    unit TEXT REFERENCES duty_units (id),
    date TEXT NOT NULL,
    -- 'rest' or 'work'.
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX duty_days_unit ON duty_days (unit);
