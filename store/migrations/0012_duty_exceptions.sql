-- Swaps of single shifts, and stand-ins for a period.
CREATE TABLE duty_swaps (
    -- UNIT/ROLE/DATE/SHIFT/GIVES: nobody gives the same shift away twice.
    id TEXT PRIMARY KEY,
    unit TEXT NOT NULL REFERENCES duty_units (id),
    role TEXT NOT NULL,
    date TEXT NOT NULL,
    shift TEXT NOT NULL,
    gives TEXT NOT NULL REFERENCES users (username),
    takes TEXT NOT NULL REFERENCES users (username),
    -- What is served in return, both or neither.
    back_date TEXT,
    back_shift TEXT,
    note TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX duty_swaps_unit ON duty_swaps (unit);

CREATE TABLE duty_stand_ins (
    -- UNIT/ABSENT/FROM
    id TEXT PRIMARY KEY,
    unit TEXT NOT NULL REFERENCES duty_units (id),
    absent TEXT NOT NULL REFERENCES users (username),
    deputy TEXT NOT NULL REFERENCES users (username),
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    note TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX duty_stand_ins_unit ON duty_stand_ins (unit);
