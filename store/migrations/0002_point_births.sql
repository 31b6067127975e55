-- When each point was first configured. Numbers are never given twice, so a point that is deleted and made again begins anew.
CREATE TABLE point_births (
    point_no BIGINT PRIMARY KEY,
    made_at BIGINT NOT NULL
);
-- Points from before this table: no later than the oldest import or change that is known.
INSERT INTO point_births (point_no, made_at)
SELECT no, (SELECT COALESCE(MIN(made_at), 0) FROM audit WHERE action IN ('import', 'create')) FROM points;
