-- The registry, first form. Portable on purpose: TEXT, BIGINT, INTEGER and DOUBLE PRECISION only, numbers given by
-- `numbers` in place of AUTOINCREMENT, times as milliseconds since 1970 UTC. No engine's own functions.

CREATE TABLE numbers (
    kind TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);

CREATE TABLE regions (
    code TEXT PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    -- '/410000/410200/410205/410205P01/': whatever lies below a region begins with its path.
    path TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX regions_path ON regions (path);

CREATE TABLE enterprises (
    code TEXT PRIMARY KEY,
    credit_code TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    region TEXT NOT NULL REFERENCES regions (code),
    industry_code TEXT NOT NULL,
    address TEXT NOT NULL,
    longitude DOUBLE PRECISION,
    latitude DOUBLE PRECISION,
    principal TEXT NOT NULL,
    phone TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX enterprises_region ON enterprises (region);

CREATE TABLE hazard_sources (
    code TEXT PRIMARY KEY,
    enterprise TEXT NOT NULL REFERENCES enterprises (code),
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    level BIGINT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX hazard_sources_enterprise ON hazard_sources (enterprise);

CREATE TABLE equipment (
    id TEXT PRIMARY KEY,
    enterprise TEXT NOT NULL REFERENCES enterprises (code),
    hazard TEXT REFERENCES hazard_sources (code),
    kind TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    medium TEXT NOT NULL,
    cas TEXT NOT NULL,
    volume_m3 DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    latitude DOUBLE PRECISION,
    version BIGINT NOT NULL
);
CREATE INDEX equipment_enterprise ON equipment (enterprise);
CREATE INDEX equipment_hazard ON equipment (hazard);

CREATE TABLE gateways (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL UNIQUE,
    enterprise TEXT NOT NULL REFERENCES enterprises (code),
    name TEXT NOT NULL,
    -- Lower-case hexadecimal of SHA-256 over the secret that the gateway signs in with.
    secret_sha256 TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX gateways_enterprise ON gateways (enterprise);

CREATE TABLE points (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL UNIQUE,
    enterprise TEXT NOT NULL REFERENCES enterprises (code),
    equipment TEXT NOT NULL REFERENCES equipment (id),
    gateway TEXT NOT NULL REFERENCES gateways (id),
    device TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    kind TEXT NOT NULL,
    signal TEXT NOT NULL,
    unit TEXT NOT NULL,
    range_lo DOUBLE PRECISION NOT NULL,
    range_hi DOUBLE PRECISION NOT NULL,
    decimals BIGINT NOT NULL,
    scan_ms BIGINT NOT NULL,
    missing_scans BIGINT NOT NULL,
    -- 0 watches no freezing.
    frozen_ms BIGINT NOT NULL,
    longitude DOUBLE PRECISION,
    latitude DOUBLE PRECISION,
    role TEXT NOT NULL,
    states TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX points_enterprise ON points (enterprise);
CREATE INDEX points_equipment ON points (equipment);
CREATE INDEX points_gateway ON points (gateway);

-- Versions of limits are never changed and outlive their point: they are evidence. Hence no foreign key.
CREATE TABLE limit_versions (
    point_no BIGINT NOT NULL,
    version BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (point_no, version)
);

CREATE TABLE limit_values (
    point_no BIGINT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    deadband DOUBLE PRECISION NOT NULL,
    on_delay_ms BIGINT NOT NULL,
    off_delay_ms BIGINT NOT NULL,
    level BIGINT,
    PRIMARY KEY (point_no, version, kind),
    FOREIGN KEY (point_no, version) REFERENCES limit_versions (point_no, version)
);

CREATE TABLE cameras (
    id TEXT PRIMARY KEY,
    enterprise TEXT NOT NULL REFERENCES enterprises (code),
    equipment TEXT REFERENCES equipment (id),
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    url TEXT NOT NULL,
    longitude DOUBLE PRECISION,
    latitude DOUBLE PRECISION,
    version BIGINT NOT NULL
);
CREATE INDEX cameras_enterprise ON cameras (enterprise);

CREATE TABLE map_features (
    id TEXT PRIMARY KEY,
    -- Either: an enterprise's own feature, or ground that everybody in the region may see.
    enterprise TEXT REFERENCES enterprises (code),
    region TEXT REFERENCES regions (code),
    kind TEXT NOT NULL,
    refers_to TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    -- GeoJSON, and the other properties as a JSON object.
    geometry TEXT NOT NULL,
    properties TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX map_features_enterprise ON map_features (enterprise);
CREATE INDEX map_features_region ON map_features (region);

-- Hosts of the supervision tree: 'hazard:CODE' or 'general:CODE'. Number 0 is the center's own and not listed.
CREATE TABLE hosts (
    no BIGINT PRIMARY KEY,
    host_key TEXT NOT NULL UNIQUE,
    enterprise TEXT NOT NULL
);
CREATE INDEX hosts_enterprise ON hosts (enterprise);

CREATE TABLE users (
    username TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- 'region:CODE' or 'enterprise:CODE'.
    scope TEXT NOT NULL,
    -- argon2id, as a PHC string.
    password_hash TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY,
    username TEXT NOT NULL REFERENCES users (username),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX sessions_username ON sessions (username);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Kept for unknown names too, so that an answer does not tell which names exist.
CREATE TABLE sign_in_failures (
    username TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    locked_until BIGINT
);
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_at);

CREATE TABLE audit (
    no BIGINT PRIMARY KEY,
    made_at BIGINT NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX audit_made_at ON audit (made_at);
