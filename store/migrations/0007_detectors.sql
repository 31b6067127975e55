-- Conditions of a point beyond its limits: at most one of each kind. `settings` is the line of text that `Detector::parse` reads.
CREATE TABLE detectors (
    -- POINT|CONDITION, as in the identity of its alarm.
    id TEXT PRIMARY KEY,
    enterprise TEXT NOT NULL REFERENCES enterprises (code),
    point TEXT NOT NULL REFERENCES points (id),
    condition_code TEXT NOT NULL,
    settings TEXT NOT NULL,
    on_delay_ms BIGINT NOT NULL,
    off_delay_ms BIGINT NOT NULL,
    -- 0 takes the default.
    level BIGINT NOT NULL,
    reason TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX detectors_enterprise ON detectors (enterprise);
CREATE INDEX detectors_point ON detectors (point);
