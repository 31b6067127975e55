-- On-delay and off-delay of the state alarm of a discrete point, in milliseconds. Points from before have none, as they were judged.
ALTER TABLE points ADD COLUMN on_delay_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE points ADD COLUMN off_delay_ms BIGINT NOT NULL DEFAULT 0;
