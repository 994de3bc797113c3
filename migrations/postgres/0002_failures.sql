-- Failures in a row, since the gazette was last indexed or a person asked for it. A constant default rewrites nothing.
ALTER TABLE prelo_gazettes ADD COLUMN failures bigint NOT NULL DEFAULT 0;
