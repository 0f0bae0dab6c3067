-- On which day each use of a till receipt was, because many tills begin with the same number each day. The day is that
-- of the location's time zone as the node knew it when the entry arrived, counted from 0001-01-01. The journal fills
-- both tables again from the entries of an older file (`receipt_index`).
DROP TABLE receipts;
CREATE TABLE receipts (
    location TEXT NOT NULL,
    number   TEXT NOT NULL,
    use      TEXT NOT NULL,  -- sale, return, original, corrected, question
    till     TEXT NOT NULL,
    day      INTEGER NOT NULL,
    arrival  INTEGER NOT NULL,
    PRIMARY KEY (location, number, use, till, day, arrival)
) WITHOUT ROWID;
CREATE INDEX originals ON receipts (location, number) WHERE use = 'original';

-- Receipts that a person should look at: one that a till used for two sales, or two returns, of one day, and one with
-- a return that an entry calls in question. `arrival` is that of the newest such entry. A question has no day: 0.
DROP TABLE questioned_receipts;
CREATE TABLE questioned_receipts (
    location TEXT NOT NULL,
    number   TEXT NOT NULL,
    use      TEXT NOT NULL,
    till     TEXT NOT NULL,
    day      INTEGER NOT NULL,
    arrival  INTEGER NOT NULL,
    PRIMARY KEY (location, number, use, till, day)
) WITHOUT ROWID;
CREATE INDEX newest_questions ON questioned_receipts (use = 'question', arrival);
