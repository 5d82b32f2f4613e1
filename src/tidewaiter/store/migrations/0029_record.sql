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

-- The log that entries go into, and the number that the next gets. Nobody else numbers entries until commit: whoever
-- calls this takes no other lock after it.
CREATE FUNCTION record_end(OUT origin_id int, OUT leaf_index bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(x'746964650029'::bigint);
  SELECT o.origin_id, coalesce((SELECT max(e.leaf_index) + 1 FROM record_entry e WHERE e.origin_id = o.origin_id), 0)
    INTO record_end.origin_id, record_end.leaf_index FROM record_origin o ORDER BY o.origin_id DESC LIMIT 1;
END $$;

-- Entries of new declarations, with the keys they are made under.
CREATE FUNCTION append_record(_entries json, _keys json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tip record;
BEGIN
  IF json_array_length(_entries) = 0 THEN
    RETURN;
  END IF;
  INSERT INTO record_key SELECT * FROM json_populate_recordset(NULL::record_key, _keys);
  SELECT * INTO tip FROM record_end();
  INSERT INTO record_entry (origin_id, leaf_index, subject, label, entry)
    SELECT tip.origin_id, tip.leaf_index + place - 1, each ->> 'subject', each ->> 'label', (each ->> 'entry')::bytea
    FROM json_array_elements(_entries) WITH ORDINALITY AS given(each, place);
END $$;

-- As before, with the record's entries.
DROP FUNCTION append_new(bigint, int, text[], bigint[], bigint, int, int, int, bytea, text, text, boolean, json, json, json,
  int, int, bytea, bytea, bytea, text, timestamptz);
CREATE FUNCTION append_new(
  _lock bigint, _sender_id int, _references text[], _parcel_keys bigint[], _message_id bigint, _expected int,
  _record_count int, _declaration_count int, _receipt bytea, _findings text, _form text, _is_complete boolean,
  _declarations json, _goods_items json, _notices json, _entries json, _keys json,
  _first int, _last int, _content bytea, _bodies bytea, _content_digest bytea, _place text, _recorded_at timestamptz
) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(_lock);
  IF are_known(_sender_id, _references, _parcel_keys) THEN
    RETURN 'known';
  END IF;
  IF NOT advance_message(_message_id, _expected, _record_count, _declaration_count, _receipt, _findings, _form,
      _is_complete) THEN
    RETURN 'overtaken';
  END IF;
  INSERT INTO declaration SELECT * FROM json_populate_recordset(NULL::declaration, _declarations);
  INSERT INTO goods_item SELECT * FROM json_populate_recordset(NULL::goods_item, _goods_items);
  INSERT INTO notice (declaration_id, issued_at, sender_id, version, kinds)
    SELECT declaration_id, issued_at, sender_id, version, kinds FROM json_populate_recordset(NULL::notice, _notices);
  PERFORM append_evidence(_message_id, _first, _last, _content, _bodies, _content_digest, _place, _recorded_at);
  PERFORM append_record(_entries, _keys);
  RETURN 'written';
END $$;

CREATE OR REPLACE FUNCTION append_together(_lock bigint, _declared json)
RETURNS TABLE (outcome text, notice_no bigint) LANGUAGE plpgsql AS $$
DECLARE
  each record;
BEGIN
  PERFORM pg_advisory_xact_lock(_lock);
  FOR each IN SELECT * FROM json_to_recordset(_declared) AS given(
    sender_id int, reference text[], parcel_keys bigint[], message_id bigint, receipt text, findings text, form text,
    declarations json, goods_items json, notices json, entries json, keys json, evidence text, content_digest text,
    place text, recorded_at timestamptz)
  LOOP
    outcome := append_new(_lock, each.sender_id, each.reference, each.parcel_keys, each.message_id, 0, 1, 1,
      decode(each.receipt, 'base64'), each.findings, each.form, true, each.declarations, each.goods_items, each.notices,
      each.entries, each.keys, 1, 1, decode(each.evidence, 'base64'), NULL, decode(each.content_digest, 'base64'),
      each.place, each.recorded_at);
    notice_no := CASE WHEN outcome = 'written' AND json_array_length(each.notices) > 0
      THEN currval(pg_get_serial_sequence('notice', 'notice_no')) END;
    RETURN NEXT;
  END LOOP;
END $$;

-- What readers are given: full tiles of hashes, which never change, and the last signed checkpoint. Partial tiles and
-- bundles are made of these and of the entries when they are asked for.
CREATE TABLE record_tile (
  origin_id  int NOT NULL,
  level      smallint NOT NULL,
  tile_index bigint NOT NULL,
  content    bytea STORAGE EXTERNAL NOT NULL CHECK (length(content) = 8192),
  top        bytea NOT NULL CHECK (length(top) = 32),  -- the hash over all of it
  PRIMARY KEY (origin_id, level, tile_index)
);
CREATE TABLE record_checkpoint (
  origin_id int PRIMARY KEY,
  size      bigint NOT NULL,
  root      bytea NOT NULL CHECK (length(root) = 32),
  note      bytea NOT NULL,
  sealed_at timestamptz NOT NULL
);

-- Whom the record forgot, at whose word. What was erased is not told.
CREATE TABLE record_erasure (
  subject   text COLLATE "C" NOT NULL,
  actor     text NOT NULL CHECK (actor <> ''),
  words     text NOT NULL,
  erased_at timestamptz NOT NULL
);
