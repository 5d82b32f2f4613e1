-- Changes that came before the declaration they are for: those that still wait. What becomes of them is in `declaration`.
ALTER TYPE state ADD VALUE 'awaiting_original';
ALTER TYPE state ADD VALUE 'applied';
CREATE TABLE awaited (
  declaration_id bigint PRIMARY KEY,      -- the change's own number
  sender_id      int NOT NULL,
  reference      text COLLATE "C" NOT NULL,
  function       text NOT NULL,
  stated_at      timestamptz NOT NULL,    -- when its sender says that it was made, else when it was received
  waits_until    timestamptz NOT NULL
);
CREATE INDEX awaited_reference ON awaited (reference);
CREATE INDEX awaited_until ON awaited (waits_until);

-- What a parcel is known by, whoever declares it (quality.parcels), and which declaration of it was first. One narrow
-- column and index: every new declaration is looked up by it beside its reference, in the same statement.
ALTER TABLE declaration ADD COLUMN parcel_key bigint, ADD COLUMN duplicate_of bigint;
CREATE INDEX declaration_parcel ON declaration (parcel_key) WHERE parcel_key IS NOT NULL;
CREATE INDEX declaration_duplicate ON declaration (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- Whether new declarations may not be written as they were decided alone: their sender lodged one (not rejected) under
-- one of the references, or anybody one that stands of one of the parcels. What is found is then looked at more closely.
DROP FUNCTION are_known(int, text[]);
CREATE FUNCTION are_known(_sender_id int, _references text[], _parcel_keys bigint[]) RETURNS boolean LANGUAGE sql STABLE
SET enable_seqscan = off AS $$
  SELECT EXISTS (
    SELECT FROM declaration
    WHERE functional_reference_id = ANY (_references) AND functional_reference_id <> ''
      AND sender_id = _sender_id AND state <> 'rejected')
  OR EXISTS (
    SELECT FROM declaration
    WHERE parcel_key = ANY (_parcel_keys) AND parcel_key IS NOT NULL
      AND state NOT IN ('rejected', 'refused', 'invalidated'))
$$;

DROP FUNCTION append_new(bigint, int, text[], bigint, int, int, int, bytea, text, text, boolean, json, json, json, int,
  int, bytea, bytea, bytea, text, timestamptz);
CREATE FUNCTION append_new(
  _lock bigint, _sender_id int, _references text[], _parcel_keys bigint[], _message_id bigint, _expected int,
  _record_count int, _declaration_count int, _receipt bytea, _findings text, _form text, _is_complete boolean,
  _declarations json, _goods_items json, _notices json,
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
    declarations json, goods_items json, notices json, evidence text, content_digest text, place text,
    recorded_at timestamptz)
  LOOP
    outcome := append_new(_lock, each.sender_id, each.reference, each.parcel_keys, each.message_id, 0, 1, 1,
      decode(each.receipt, 'base64'), each.findings, each.form, true, each.declarations, each.goods_items, each.notices,
      1, 1, decode(each.evidence, 'base64'), NULL, decode(each.content_digest, 'base64'), each.place, each.recorded_at);
    notice_no := CASE WHEN outcome = 'written' AND json_array_length(each.notices) > 0
      THEN currval(pg_get_serial_sequence('notice', 'notice_no')) END;
    RETURN NEXT;
  END LOOP;
END $$;
