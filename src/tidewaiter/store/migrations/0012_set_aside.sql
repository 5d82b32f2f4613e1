-- What the books could not take in: a decision, an ending, the settling of what was paid. It is kept here so that the rest
-- goes on. One row is open for each subject until that is in the books; none is ever taken away.
CREATE TABLE set_aside (
  set_aside_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject      text COLLATE "C" NOT NULL CHECK (subject <> ''),
  source       text NOT NULL CHECK (source <> ''),
  position     bigint NOT NULL,          -- where in its source it is read again
  place        text NOT NULL,
  code         text NOT NULL CHECK (code <> ''),
  words        text NOT NULL CHECK (words <> ''),
  hint         text NOT NULL,
  tried        int NOT NULL DEFAULT 1 CHECK (tried > 0),
  first_at     timestamptz NOT NULL,
  last_at      timestamptz NOT NULL CHECK (last_at >= first_at),
  ended_at     timestamptz
);
CREATE UNIQUE INDEX set_aside_open ON set_aside (subject) WHERE ended_at IS NULL;
CREATE TRIGGER set_aside_kept BEFORE DELETE OR TRUNCATE ON set_aside
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
