-- Small messages that came at the same time: kept by one call and written by one call, whatever their number.

-- Keep them all: the place of each in the list that was given, its id (null: not kept, for the sender used its key
-- before), its sender's name, an id set aside for its first declaration, and whether the API key that it came with
-- still opens the door; if not, it is not kept. No idempotency key may stand twice in one list.
-- (`is_day_given` is a column of a later migration: this is compiled when it is first called.)
-- Rows go in by key, so that two who keep the same keys at once wait for one another instead of both for ever.
CREATE FUNCTION keep_together(_messages json)
RETURNS TABLE (place int, message_id bigint, sender_name text, declaration_id bigint, is_let_in boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY WITH given AS MATERIALIZED (
    SELECT each.*, key_digest = '' OR EXISTS (
        SELECT FROM api_key LEFT JOIN sender USING (sender_id)
        WHERE api_key.key_digest = decode(each.key_digest, 'hex') AND revoked_at IS NULL
          AND (sender.is_active OR api_key.sender_id IS NULL)) AS is_let_in
    FROM json_to_recordset(_messages) AS each(
      place int, sender_id int, idempotency_key text, digest text, requested_form text, file_name text, transport text,
      received_at timestamptz, legal_day date, is_day_given boolean, size_bytes bigint, chunk text, key_digest text)
  ), kept AS (
    INSERT INTO message (sender_id, idempotency_key, digest, requested_form, form, file_name, transport, received_at,
      legal_day, is_day_given, size_bytes, chunk_count)
    SELECT sender_id, idempotency_key, decode(digest, 'hex'), requested_form, requested_form, file_name, transport,
      received_at, legal_day, is_day_given, size_bytes, CASE WHEN size_bytes > 0 THEN 1 ELSE 0 END
    FROM given WHERE is_let_in ORDER BY sender_id, idempotency_key
    ON CONFLICT (sender_id, idempotency_key) DO NOTHING
    RETURNING message.message_id, message.sender_id, message.idempotency_key
  ), chunk AS (
    INSERT INTO message_chunk (message_id, chunk_no, content)
    SELECT kept.message_id, 0, decode(given.chunk, 'base64')
    FROM kept JOIN given USING (sender_id, idempotency_key) WHERE given.size_bytes > 0
  )
  SELECT given.place, kept.message_id, (SELECT name FROM sender WHERE sender.sender_id = kept.sender_id),
    CASE WHEN kept.message_id IS NOT NULL THEN nextval('declaration_number') END, given.is_let_in
  FROM given LEFT JOIN kept USING (sender_id, idempotency_key);
END $$;

-- Write the one new declaration of each, one after the other as `append_new` does: what became of it, and the number of
-- its notices. Takes the writer's lock.
CREATE FUNCTION append_together(_lock bigint, _declared json)
RETURNS TABLE (outcome text, notice_no bigint) LANGUAGE plpgsql AS $$
DECLARE
  each record;
BEGIN
  PERFORM pg_advisory_xact_lock(_lock);
  FOR each IN SELECT * FROM json_to_recordset(_declared) AS given(
    sender_id int, reference text[], message_id bigint, receipt text, findings text, form text,
    declarations json, goods_items json, notices json, evidence text, content_digest text, place text,
    recorded_at timestamptz)
  LOOP
    outcome := append_new(_lock, each.sender_id, each.reference, each.message_id, 0, 1, 1, decode(each.receipt, 'base64'),
      each.findings, each.form, true, each.declarations, each.goods_items, each.notices, 1, 1,
      decode(each.evidence, 'base64'), NULL, decode(each.content_digest, 'base64'), each.place, each.recorded_at);
    notice_no := CASE WHEN outcome = 'written' AND json_array_length(each.notices) > 0
      THEN currval(pg_get_serial_sequence('notice', 'notice_no')) END;
    RETURN NEXT;
  END LOOP;
END $$;
