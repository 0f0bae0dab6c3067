-- Which entries use which till receipt, so that a return finds its sale. The journal fills it from the entries of an
-- older file (`receipt_index`).
CREATE TABLE receipts (
    location TEXT NOT NULL,
    number   TEXT NOT NULL,
    use      TEXT NOT NULL,  -- sale, return, original, corrected, question
    till     TEXT NOT NULL,
    arrival  INTEGER NOT NULL,
    PRIMARY KEY (location, number, use, till, arrival)
) WITHOUT ROWID;
CREATE INDEX originals ON receipts (location, number) WHERE use = 'original';

-- Receipts that a person should look at: one that a till used for two sales, or two returns, and one with a return that
-- an entry calls in question. `arrival` is that of the newest such entry.
CREATE TABLE questioned_receipts (
    location TEXT NOT NULL,
    number   TEXT NOT NULL,
    use      TEXT NOT NULL,
    till     TEXT NOT NULL,
    arrival  INTEGER NOT NULL,
    PRIMARY KEY (location, number, use, till)
) WITHOUT ROWID;
CREATE INDEX newest_questions ON questioned_receipts (arrival);
