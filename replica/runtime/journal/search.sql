-- The search index of the catalogue: derived from the `sku` documents, and built again when its version changes. So it is
-- no part of the numbered schema. The index has no copy of its tokens: a row is deleted by giving them again, and they
-- are computed from `search_skus`.
CREATE VIRTUAL TABLE search_index USING fts5 (
    tokens, content = '', columnsize = 0, detail = none, prefix = '1 2 3', tokenize = 'ascii'
);

-- The numbers of the SKUs in the index, and by what they are searched: names and attributes, as msgpack.
CREATE TABLE search_skus (
    id       INTEGER PRIMARY KEY,
    sku      TEXT NOT NULL UNIQUE,
    document BLOB NOT NULL
);

CREATE TABLE search_version (version TEXT NOT NULL);

-- No merge of segments within a commit, because it would delay the callers by up to 40 ms: `search_index.merge` does it
-- when the node is idle. Only at very many segments a commit merges all the same, because each search reads all of them.
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 0);
INSERT INTO search_index (search_index, rank) VALUES ('crisismerge', 256);
