-- Tariffs as they were imported: each edition whole, its content kept once in `knowledge` by digest. Append only: an
-- edition is corrected by importing another one for the same day, of which the later counts.

CREATE TABLE tariff_edition (
  edition_id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  jurisdiction_code text COLLATE "C" NOT NULL CHECK (jurisdiction_code ~ '^[A-Z]{2}$'),
  in_force_from     date NOT NULL,
  digest            bytea NOT NULL REFERENCES knowledge,
  imported_at       timestamptz NOT NULL,
  imported_by       text NOT NULL CHECK (imported_by <> ''),
  sources           jsonb NOT NULL, -- the files: name, SHA-256, what each was taken for, how much came of it
  gap_count         int NOT NULL    -- what was said and not understood; it stands in the content
);
CREATE INDEX tariff_edition_day ON tariff_edition (jurisdiction_code, in_force_from DESC, edition_id DESC);

CREATE FUNCTION refuse_tariff_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only: import another edition for the same day', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER tariff_edition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tariff_edition
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_tariff_change();
