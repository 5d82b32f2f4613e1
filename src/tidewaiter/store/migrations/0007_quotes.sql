-- Quotes as they were given: append only, each under the number that is made of its content. Once the day until which a
-- quote is kept is over it may be deleted; nothing of it may ever be changed.

CREATE TABLE quote_key (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  key     bytea NOT NULL CHECK (length(key) = 32),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE quote (
  number            bytea PRIMARY KEY CHECK (length(number) = 10),
  jurisdiction_code text COLLATE "C" NOT NULL,
  legal_day         date NOT NULL,
  regime_digest     bytea NOT NULL CHECK (length(regime_digest) = 32),
  content           bytea NOT NULL, -- canonical bytes, compressed
  given_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  kept_until        date NOT NULL
);
CREATE INDEX quote_kept_until ON quote USING brin (kept_until);

CREATE FUNCTION refuse_change_of_quote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.kept_until < current_date THEN
      RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a quote is kept until %', OLD.kept_until USING ERRCODE = 'restrict_violation';
  END IF;
  RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER quote_kept BEFORE UPDATE OR DELETE ON quote FOR EACH ROW EXECUTE FUNCTION refuse_change_of_quote();
CREATE TRIGGER quote_whole BEFORE TRUNCATE ON quote FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_quote();
CREATE TRIGGER quote_key_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_key
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
