-- The host that numbers the alarms of each point, by the point's identity and for good: also after the point is deleted, because an
-- alarm is known by point, condition and number, and a second host would begin to count anew.
CREATE TABLE point_homes (
    point TEXT PRIMARY KEY,
    host BIGINT NOT NULL REFERENCES hosts (no)
);
INSERT INTO point_homes (point, host)
SELECT p.id, h.no FROM points p
JOIN equipment e ON e.id = p.equipment
JOIN hosts h ON h.host_key = CASE WHEN e.hazard IS NULL THEN 'general:' || p.enterprise ELSE 'hazard:' || e.hazard END;
