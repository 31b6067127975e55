-- 交接班: what one person hands to another at the change of shift. The alarms are named as text, one a line: they are in the alarm log, which is
-- no part of this database.
CREATE TABLE hand_overs (
    no BIGINT NOT NULL PRIMARY KEY,
    from_user TEXT NOT NULL,
    to_user TEXT NOT NULL,
    note TEXT NOT NULL,
    alarms TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    settled_at BIGINT,
    answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX hand_overs_from ON hand_overs (from_user, no);
CREATE INDEX hand_overs_to ON hand_overs (to_user, no);
