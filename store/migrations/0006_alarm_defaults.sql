-- Deadband and delays of a limit that was given none, by signal type: data that an administrator edits. What is shipped is
-- `SignalDefaults::shipped()` of the domain; a test holds the two together. `*` stands for every type without a row.
CREATE TABLE alarm_defaults (
    signal TEXT PRIMARY KEY,
    deadband_percent DOUBLE PRECISION NOT NULL,
    on_delay_ms BIGINT NOT NULL,
    urgent_on_delay_ms BIGINT NOT NULL,
    off_delay_ms BIGINT NOT NULL,
    origin TEXT NOT NULL,
    reason TEXT NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO alarm_defaults (signal, deadband_percent, on_delay_ms, urgent_on_delay_ms, off_delay_ms, origin, reason, version) VALUES
    ('flow', 5, 15000, 3000, 15000, 'recalled', '', 1),
    ('level', 5, 60000, 3000, 60000, 'recalled', '', 1),
    ('pressure', 2, 15000, 3000, 15000, 'recalled', '', 1),
    ('temperature', 1, 60000, 3000, 60000, 'recalled', '', 1),
    ('gas_combustible', 2, 0, 0, 10000, 'proposal', '', 1),
    ('gas_toxic', 2, 0, 0, 10000, 'proposal', '', 1),
    ('oxygen', 1, 3000, 0, 10000, 'proposal', '', 1),
    ('humidity', 5, 60000, 15000, 60000, 'proposal', '', 1),
    ('*', 2, 15000, 3000, 15000, 'proposal', '', 1);
