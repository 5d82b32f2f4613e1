-- The record (ADR 36): an entry beside each decision, event and act, numbered in the order of commit.

-- The log's name and the seed of its key, drawn once for a database and never leaving it but to sign.
CREATE TABLE record_secret (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  name    text NOT NULL CHECK (name ~ '^[!-*,-~]+$'),
  seed    bytea NOT NULL CHECK (length(seed) = 32)
);
INSERT INTO record_secret (name, seed)
  VALUES ('tidewaiter.example/' || left(replace(gen_random_uuid()::text, '-', ''), 12),
    sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

-- One log for each year. The last is open; the others are closed with their size and root, which stand in the first
-- entry of the next.
CREATE TABLE record_origin (
  origin_id int PRIMARY KEY,
  origin    text COLLATE "C" NOT NULL UNIQUE,
  year      int NOT NULL UNIQUE,
  opened_at timestamptz NOT NULL,
  size      bigint,                    -- null: open
  root      bytea CHECK (length(root) = 32),
  CHECK ((size IS NULL) = (root IS NULL))
);

-- Numbers are taken under the writer's lock, without gaps and in the order of commit. Never changed.
CREATE TABLE record_entry (
  origin_id  int NOT NULL,
  leaf_index bigint NOT NULL,
  subject    text COLLATE "C" NOT NULL,   -- what it is on: "declaration:17"
  label      text COLLATE "C" NOT NULL,   -- its own among all on the subject
  entry      bytea NOT NULL,
  PRIMARY KEY (origin_id, leaf_index)
);
CREATE INDEX record_entry_subject ON record_entry (subject);

CREATE FUNCTION refuse_change_of_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER record_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON record_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_record();

-- What can be erased: the key that all entries on a subject are opened with, and what fields of acts and events hold.
-- Those of decisions are in their evidence.
CREATE TABLE record_key (
  subject text COLLATE "C" PRIMARY KEY,
  key     bytea CHECK (length(key) = 32)  -- null: erased
);
CREATE TABLE record_payload (
  subject text COLLATE "C" NOT NULL,
  label   text COLLATE "C" NOT NULL,
  content bytea NOT NULL,                 -- JSON, zstd
  PRIMARY KEY (subject, label)
);

-- The log that entries go into, and the number that the next gets. To be called under the writer's lock.
CREATE FUNCTION record_end(OUT origin_id int, OUT leaf_index bigint) LANGUAGE sql STABLE AS $$
  SELECT o.origin_id, coalesce((SELECT max(e.leaf_index) + 1 FROM record_entry e WHERE e.origin_id = o.origin_id), 0)
  FROM record_origin o ORDER BY o.origin_id DESC LIMIT 1
$$;

-- Entries of new declarations with their keys: [{"subject": …, "label": …, "entry": …, "key": hexadecimal}, …].
CREATE FUNCTION append_record(_entries json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tip record;
BEGIN
  SELECT * INTO tip FROM record_end();
  INSERT INTO record_entry (origin_id, leaf_index, subject, label, entry)
    SELECT tip.origin_id, tip.leaf_index + place - 1, each ->> 'subject', each ->> 'label', convert_to(each ->> 'entry', 'UTF8')
    FROM json_array_elements(_entries) WITH ORDINALITY AS given(each, place);
  INSERT INTO record_key (subject, key)
    SELECT each ->> 'subject', decode(each ->> 'key', 'hex') FROM json_array_elements(_entries) AS given(each);
END $$;

-- What readers are given: full tiles of hashes, which never change, and the last signed checkpoint. Partial tiles and
-- bundles are made of these and of the entries when they are asked for.
CREATE TABLE record_tile (
  origin_id  int NOT NULL,
  level      smallint NOT NULL,
  tile_index bigint NOT NULL,
  content    bytea STORAGE EXTERNAL NOT NULL CHECK (length(content) = 8192),
  PRIMARY KEY (origin_id, level, tile_index)
);
CREATE TABLE record_checkpoint (
  origin_id int PRIMARY KEY,
  size      bigint NOT NULL,
  root      bytea NOT NULL CHECK (length(root) = 32),
  note      bytea NOT NULL,
  sealed_at timestamptz NOT NULL
);
