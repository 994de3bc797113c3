-- `gazettes` and `territories` belong to the scraper. Where the search path finds them they are left alone: looking a
-- name up takes no lock, needs no right to create, and finds a table in any schema of the path.
DO $$
BEGIN
    IF to_regclass('territories') IS NULL THEN
        CREATE TABLE territories (
            id varchar PRIMARY KEY,
            name varchar,
            state_code varchar,
            state varchar
        );
    END IF;
    IF to_regclass('gazettes') IS NULL THEN
        CREATE TABLE gazettes (
            id serial PRIMARY KEY,
            source_text text,
            date date,
            edition_number varchar,
            is_extra_edition boolean,
            power varchar,
            file_checksum varchar,
            file_path varchar,
            file_url varchar,
            scraped_at timestamp,
            created_at timestamp,
            territory_id varchar REFERENCES territories (id),
            processed boolean DEFAULT false,
            UNIQUE (territory_id, date, file_checksum)
        );
    END IF;
END
$$;

-- Times are UTC without a zone, as in `gazettes`.
CREATE TABLE prelo_runs (
    id uuid PRIMARY KEY,
    selection jsonb NOT NULL,
    started_at timestamp NOT NULL,
    finished_at timestamp,
    heartbeat_at timestamp NOT NULL,
    lease_until timestamp NOT NULL,
    counts jsonb NOT NULL,
    stopped_by text
);

-- No foreign key to `gazettes`: the scraper may delete its rows, and must not wait for ours.
CREATE TABLE prelo_gazettes (
    gazette_id bigint PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('pending', 'claimed', 'started', 'indexed', 'failed')),
    failure_code text,
    failure_detail text,
    starts bigint NOT NULL DEFAULT 0,
    lease_run uuid,
    lease_until timestamp,
    next_attempt_at timestamp,
    extractor_version bigint,
    bytes bigint,
    pages bigint,
    ocr_pages bigint,
    characters bigint,
    quality real,
    text_checksum text,
    file_checksum text,
    indexed_at timestamp,
    run_id uuid
);
CREATE INDEX prelo_gazettes_lease_run ON prelo_gazettes (lease_run) WHERE lease_run IS NOT NULL;
CREATE INDEX prelo_gazettes_failed ON prelo_gazettes (failure_code) WHERE state = 'failed';
