-- Where the hybrid clock stood when a stream last grew: past every stamp issued, and every one seen and believed. It is
-- kept where each commit writes anyway.
ALTER TABLE streams ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;
