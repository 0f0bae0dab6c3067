-- Every statement of the search index, in the form of queries.sql.

-- has_fts5
-- Whether this SQLite has the module of the index.
SELECT 1 FROM pragma_module_list WHERE name = 'fts5'

-- has_version
-- Whether the file has an index, of any version.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'search_version'

-- version
-- The version by which the index was built.
SELECT version FROM search_version

-- put_version
-- Note the version by which the index was built.
INSERT INTO search_version VALUES (?)

-- drop_index
-- Remove the index of another version.
DROP TABLE IF EXISTS search_index

-- drop_skus
-- Remove its SKUs.
DROP TABLE IF EXISTS search_skus

-- drop_version
-- Remove its version.
DROP TABLE IF EXISTS search_version

-- kept_documents
-- The SKUs in the index, each with its document.
SELECT sku, document FROM search_skus ORDER BY sku

-- known_sku
-- The number and the document of a SKU.
SELECT id, document FROM search_skus WHERE sku = ?

-- add_sku
-- Number a new SKU.
INSERT INTO search_skus (sku, document) VALUES (?, ?)

-- replace_document
-- Note by what a SKU is searched now.
UPDATE search_skus SET document = ? WHERE id = ?

-- delete_sku
-- Forget a SKU.
DELETE FROM search_skus WHERE id = ?

-- add_tokens
-- Enter the tokens of a SKU under its number.
INSERT INTO search_index (rowid, tokens) VALUES (?, ?)

-- delete_tokens
-- Remove the tokens of a SKU. They must be those that were entered.
INSERT INTO search_index (search_index, rowid, tokens) VALUES ('delete', ?, ?)

-- merge
-- Merge segments, about so many pages.
INSERT INTO search_index (search_index, rank) VALUES ('merge', ?)

-- optimize
-- Merge all segments into one.
INSERT INTO search_index (search_index) VALUES ('optimize')

-- check
-- Raise an error if the index contradicts itself.
INSERT INTO search_index (search_index) VALUES ('integrity-check')

-- find
-- The SKUs with some tokens after a number, at most so many, in one row: how many, the last number, and the documents.
SELECT count(*), max(id), CAST(group_concat(document, '') AS BLOB) FROM (
    SELECT s.id, s.document
    FROM (
        SELECT rowid AS id FROM search_index WHERE search_index MATCH ? AND rowid > ? ORDER BY rowid LIMIT ?
    ) AS found
    JOIN search_skus AS s ON s.id = found.id ORDER BY s.id
)

-- browse
-- All SKUs after a number, at most so many, in the same form.
SELECT count(*), max(id), CAST(group_concat(document, '') AS BLOB) FROM (
    SELECT id, document FROM search_skus WHERE id > ? ORDER BY id LIMIT ?
)
