-- What became of each attempt, a line each, and which pages have which text. Columns without a default rewrite nothing.
ALTER TABLE prelo_gazettes
    ADD COLUMN attempts text,
    ADD COLUMN page_table text;
-- From these, and not from the rows, is answered what failed and what waits.
DROP INDEX prelo_gazettes_failed;
CREATE INDEX prelo_gazettes_failed ON prelo_gazettes (failure_code, gazette_id, next_attempt_at) WHERE state = 'failed';
CREATE INDEX prelo_gazettes_failed_id ON prelo_gazettes (gazette_id) WHERE state = 'failed';
DROP INDEX prelo_gazettes_ocr_due;
CREATE INDEX prelo_gazettes_ocr_due ON prelo_gazettes (gazette_id, ocr_due) WHERE ocr_due > 0;
CREATE INDEX prelo_runs_started_at ON prelo_runs (started_at);
