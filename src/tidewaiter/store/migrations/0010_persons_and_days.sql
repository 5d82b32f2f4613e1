-- What persons brought in, counter by counter, and what operators elected. A person stands here under a keyed digest
-- alone (workflow.persons); the key is drawn once for a database and never leaves it but to make digests.
CREATE TABLE person_secret (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  secret  bytea NOT NULL CHECK (length(secret) = 32)
);
INSERT INTO person_secret (secret)
  VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

CREATE TABLE counter_movement (
  movement_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  person_key     bytea NOT NULL CHECK (length(person_key) = 32), -- of one person, counter and period
  counter        text COLLATE "C" NOT NULL,
  declaration_id bigint NOT NULL,
  kind           text NOT NULL,
  reserved       numeric NOT NULL,
  committed      numeric NOT NULL,
  limit_then     numeric,            -- the most that may be held under the key once this is written; null: no matter
  why            text NOT NULL,
  recorded_at    timestamptz NOT NULL,
  CONSTRAINT counter_movement_kind CHECK (CASE kind
    WHEN 'reserve' THEN reserved > 0 AND committed = 0
    WHEN 'commit'  THEN reserved < 0 AND committed = -reserved
    WHEN 'release' THEN reserved <= 0 AND committed <= 0 AND reserved + committed < 0
    ELSE false END)
);
CREATE INDEX counter_movement_person ON counter_movement (person_key);
CREATE INDEX counter_movement_declaration ON counter_movement (declaration_id);

-- The workflow looks before it reserves, in the one writer's transaction. This holds even if somebody else writes.
CREATE FUNCTION refuse_beyond_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  held numeric;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(encode(NEW.person_key, 'hex'), 0));
  SELECT sum(reserved + committed) INTO held FROM counter_movement WHERE person_key = NEW.person_key;
  IF held > NEW.limit_then THEN
    RAISE EXCEPTION '% would come to %, beyond its limit of %', NEW.counter, held, NEW.limit_then
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER counter_movement_limit AFTER INSERT ON counter_movement
  FOR EACH ROW WHEN (NEW.limit_then IS NOT NULL) EXECUTE FUNCTION refuse_beyond_limit();

-- A proposal comes into force when a second person approves it; nothing is changed or removed afterwards.
CREATE TABLE election (
  election_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  jurisdiction_code text NOT NULL,
  measure_id        text COLLATE "C" NOT NULL,
  operator_id       text COLLATE "C" NOT NULL CHECK (operator_id <> ''),
  chosen            text NOT NULL,
  starts_on         date NOT NULL,
  proposed_by       text NOT NULL,
  proposed_at       timestamptz NOT NULL
);
CREATE TABLE election_answer (
  election_id bigint PRIMARY KEY REFERENCES election,
  is_approved boolean NOT NULL,
  answered_by text NOT NULL,
  answered_at timestamptz NOT NULL
);
CREATE INDEX election_operator ON election (operator_id, measure_id);

CREATE FUNCTION refuse_own_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM election WHERE election_id = NEW.election_id AND proposed_by = NEW.answered_by) THEN
    RAISE EXCEPTION 'election % was proposed by %: another must answer', NEW.election_id, NEW.answered_by
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER election_four_eyes BEFORE INSERT ON election_answer
  FOR EACH ROW EXECUTE FUNCTION refuse_own_answer();

CREATE FUNCTION refuse_change_of_persons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER counter_movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON counter_movement
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_persons();
CREATE TRIGGER election_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON election
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_persons();
CREATE TRIGGER election_answer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON election_answer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_persons();

-- Whether the legal day was given with a message; else it is, record by record, that of the administration's own clocks.
ALTER TABLE message ADD COLUMN is_day_given boolean NOT NULL DEFAULT true;
