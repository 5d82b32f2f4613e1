-- What is held for payment and no guarantee covered when it was posted: looked at again when one of its parties is granted a
-- guarantee, or has one enlarged or freed. One row for each party that may secure it. Written and cleared by who keeps the
-- books; a row that stays behind (an officer let the goods go) is known by the declaration, which then has no open hold for payment.
CREATE TABLE waiting_for_cover (
  party          text COLLATE "C" NOT NULL CHECK (party <> ''),
  declaration_id bigint NOT NULL,
  version        smallint NOT NULL,
  least          numeric(20, 4) NOT NULL, -- the smallest amount to be secured: with less than this free, nothing is
  PRIMARY KEY (party, declaration_id)
);
CREATE INDEX waiting_for_cover_declaration ON waiting_for_cover (declaration_id);

-- How often a guarantee was granted, changed or freed, and how many of these times what waits was looked at.
ALTER TABLE guarantee ADD COLUMN changes bigint NOT NULL DEFAULT 1, ADD COLUMN looked_at bigint NOT NULL DEFAULT 0;
CREATE INDEX guarantee_changed ON guarantee (guarantee_id) WHERE changes > looked_at;

CREATE OR REPLACE FUNCTION take_of_guarantees() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  change record;
  after  record;
BEGIN
  FOR change IN
    SELECT scheme, coalesce(sum(amount) FILTER (WHERE account = 'guarantee.reserved'), 0) AS reserved,
      coalesce(sum(amount) FILTER (WHERE account = 'guarantee.drawn'), 0) AS drawn
    FROM written WHERE account IN ('guarantee.reserved', 'guarantee.drawn') GROUP BY scheme ORDER BY scheme
  LOOP
    UPDATE guarantee SET reserved = reserved + change.reserved, drawn = drawn + change.drawn,
        changes = changes + CASE WHEN change.reserved + change.drawn < 0 THEN 1 ELSE 0 END
      WHERE guarantee_id = change.scheme RETURNING * INTO after;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'there is no guarantee %', change.scheme USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF change.reserved + change.drawn > 0 AND after.reserved + after.drawn > after.amount_limit THEN
      RAISE EXCEPTION 'guarantee % does not cover it: % of % would be taken', change.scheme,
        after.reserved + after.drawn, after.amount_limit USING ERRCODE = 'check_violation', CONSTRAINT = 'guarantee_covers';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
