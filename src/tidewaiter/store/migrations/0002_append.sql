-- A slice of new declarations in one call: for a single declaration, one trip to the server instead of seven.

-- The next block of the chain. Its digest is that of tidewaiter.store.chain.link, which verifies it independently.
-- To be called under the writer's lock.
CREATE FUNCTION append_evidence(
  _message_id bigint, _first int, _last int, _content bytea, _bodies bytea, _content_digest bytea, _place text,
  _recorded_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tip_id bigint;
  tip_digest bytea;
BEGIN
  SELECT block_id, digest INTO tip_id, tip_digest FROM evidence_block ORDER BY block_id DESC LIMIT 1;
  IF NOT FOUND THEN
    tip_id := 0;
    tip_digest := decode(repeat('00', 32), 'hex');
  END IF;
  INSERT INTO evidence_block (block_id, message_id, first_position, last_position, content, bodies, content_digest,
    previous_digest, digest, recorded_at)
  VALUES (tip_id + 1, _message_id, _first, _last, _content, _bodies, _content_digest, tip_digest,
    sha256(tip_digest || convert_to(concat(tip_id + 1, _place), 'UTF8') || _content_digest), _recorded_at);
END $$;

-- Whether a sender lodged declarations (not rejected) under one of these references.
CREATE FUNCTION are_known(_sender_id int, _references text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM declaration
    WHERE functional_reference_id = ANY (_references) AND functional_reference_id <> ''
      AND sender_id = _sender_id AND state <> 'rejected')
$$;

-- Carry a message's progress on; false unless it stood at the expected record.
CREATE FUNCTION advance_message(
  _message_id bigint, _expected int, _record_count int, _declaration_count int, _receipt bytea, _findings text,
  _form text, _is_complete boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE message SET record_count = _record_count, declaration_count = _declaration_count, receipt = _receipt,
    findings = _findings::jsonb, form = _form, processed_at = CASE WHEN _is_complete THEN clock_timestamp() END
  WHERE message_id = _message_id AND record_count = _expected AND processed_at IS NULL;
  RETURN FOUND;
END $$;

-- All of a small slice: 'written', or 'known' or 'overtaken' with nothing written. Takes the writer's lock.
CREATE FUNCTION append_new(
  _lock bigint, _sender_id int, _references text[], _message_id bigint, _expected int, _record_count int,
  _declaration_count int, _receipt bytea, _findings text, _form text, _is_complete boolean,
  _declarations json, _goods_items json, _notices json,
  _first int, _last int, _content bytea, _bodies bytea, _content_digest bytea, _place text, _recorded_at timestamptz
) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(_lock);
  IF are_known(_sender_id, _references) THEN
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
