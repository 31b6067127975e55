-- What follows an alarm: repeated this long after it was acknowledged (0 never), latched until somebody resets it, excluded by the graver
-- one of its pair, and when it counts as chattering (0 transitions: never). Points and limits from before have none of it, as they were judged.
ALTER TABLE limit_values ADD COLUMN realarm_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE limit_values ADD COLUMN latching BIGINT NOT NULL DEFAULT 0;
ALTER TABLE limit_versions ADD COLUMN exclusive_high BIGINT NOT NULL DEFAULT 0;
ALTER TABLE limit_versions ADD COLUMN exclusive_low BIGINT NOT NULL DEFAULT 0;
ALTER TABLE points ADD COLUMN realarm_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE points ADD COLUMN latching BIGINT NOT NULL DEFAULT 0;
ALTER TABLE points ADD COLUMN chatter_transitions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE points ADD COLUMN chatter_window_ms BIGINT NOT NULL DEFAULT 60000;
