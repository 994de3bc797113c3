-- What is to be seen of a run while it runs: JSON, and when it was written. Columns without a default rewrite nothing.
ALTER TABLE prelo_runs
    ADD COLUMN live text,
    ADD COLUMN live_at timestamp;
