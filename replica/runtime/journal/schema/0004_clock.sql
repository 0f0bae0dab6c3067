-- The hybrid clock when a stream last grew. It is at least every stamp issued, or received and accepted, before. It is
-- in this table because each commit writes here anyway.
ALTER TABLE streams ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;
