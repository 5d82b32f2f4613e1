-- What was erased stood on in the database's own statistics, which keep samples of columns until the next round. None are
-- kept of what can be erased, and those that there are go: changing a column's type drops them, and to the same type does
-- nothing else.
ALTER TABLE record_key ALTER COLUMN key TYPE bytea, ALTER COLUMN key SET STATISTICS 0;
ALTER TABLE record_payload ALTER COLUMN content TYPE bytea, ALTER COLUMN content SET STATISTICS 0;
