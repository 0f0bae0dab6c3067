-- What a document register keeps besides its current write, packed: lost edits, and the last value of a cleared one.
CREATE TABLE documents_past (
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    rank  INTEGER NOT NULL,
    place TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (kind, key, rank, place)
) WITHOUT ROWID;
-- An earlier release kept only current writes. If a document was cleared, only the journal still has its last value.
-- A checkpoint that does not match the journal is folded again at start.
DELETE FROM cells WHERE EXISTS (SELECT 1 FROM documents WHERE value IS NULL);
