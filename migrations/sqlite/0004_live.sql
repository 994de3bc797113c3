-- What is to be seen of a run while it runs: JSON, and when it was written.
ALTER TABLE prelo_runs ADD COLUMN live text;
ALTER TABLE prelo_runs ADD COLUMN live_at text;
