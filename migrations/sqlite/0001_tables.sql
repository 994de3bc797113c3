-- The tables of a scraper's database, for a folder of files. Here a copy of a file is a gazette of its own, so the path
-- is unique, not (territory, date, checksum). AUTOINCREMENT: an id is the id of an index document and is never reused.
-- Dates and times are ISO text, times in UTC with milliseconds.
CREATE TABLE IF NOT EXISTS territories (
    id text PRIMARY KEY,
    name text,
    state_code text,
    state text
);
CREATE TABLE IF NOT EXISTS gazettes (
    id integer PRIMARY KEY AUTOINCREMENT,
    source_text text,
    date text,
    edition_number text,
    is_extra_edition boolean,
    power text,
    file_checksum text,
    file_path text UNIQUE,
    file_url text,
    scraped_at text,
    created_at text,
    territory_id text REFERENCES territories (id),
    processed boolean DEFAULT false
);

CREATE TABLE prelo_runs (
    id text PRIMARY KEY,
    selection text NOT NULL,
    started_at text NOT NULL,
    finished_at text,
    heartbeat_at text NOT NULL,
    lease_until text NOT NULL,
    counts text NOT NULL,
    stopped_by text
);

CREATE TABLE prelo_gazettes (
    gazette_id integer PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('pending', 'claimed', 'started', 'indexed', 'failed')),
    failure_code text,
    failure_detail text,
    starts integer NOT NULL DEFAULT 0,
    lease_run text,
    lease_until text,
    next_attempt_at text,
    extractor_version integer,
    bytes integer,
    pages integer,
    ocr_pages integer,
    characters integer,
    quality real,
    text_checksum text,
    file_checksum text,
    indexed_at text,
    run_id text
);
CREATE INDEX prelo_gazettes_lease_run ON prelo_gazettes (lease_run) WHERE lease_run IS NOT NULL;
CREATE INDEX prelo_gazettes_failed ON prelo_gazettes (failure_code) WHERE state = 'failed';

-- What a registered file looked like, to see a change without opening it.
CREATE TABLE prelo_files (
    gazette_id integer PRIMARY KEY,
    modified_ns integer NOT NULL,
    bytes integer NOT NULL,
    metadata_checksum text NOT NULL
);
