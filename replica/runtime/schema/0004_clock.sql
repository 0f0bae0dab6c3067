-- Where the hybrid clock stood: past every stamp this node issued, and every one it saw and believed.
ALTER TABLE node ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;
