-- Returned goods: what was handed in, as it came; what became of it; and the look-up that finds an import by its order.

ALTER TABLE declaration ADD COLUMN order_id text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX declaration_order ON declaration (order_id) WHERE order_id <> '';

-- The bytes as received (zstd), committed before anything reads them.
CREATE TABLE return_message (
  return_message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sender_id         int NOT NULL REFERENCES sender,
  kind              text NOT NULL CHECK (kind IN ('returns', 'exit_events')),
  idempotency_key   text COLLATE "C" NOT NULL,
  digest            bytea NOT NULL CHECK (length(digest) = 32),
  file_name         text NOT NULL,
  transport         text NOT NULL,
  is_of_officer     boolean NOT NULL, -- then the imports of all senders are looked through
  received_at       timestamptz NOT NULL,
  received_on       date NOT NULL,    -- the day that counts for time limits
  content           bytea STORAGE EXTERNAL NOT NULL,
  receipt           bytea,            -- null: still to be (or being) worked through
  UNIQUE (sender_id, kind, idempotency_key)
);
CREATE INDEX return_message_unprocessed ON return_message (return_message_id) WHERE receipt IS NULL;

-- What events say of return consignments, each once.
CREATE TABLE exit_event (
  event_no          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  return_message_id bigint NOT NULL REFERENCES return_message,
  position          int NOT NULL,
  sender_id         int NOT NULL,
  event_id          text COLLATE "C" NOT NULL,
  waybill           text COLLATE "C" NOT NULL,
  return_id         text COLLATE "C" NOT NULL,
  content           bytea NOT NULL,
  recorded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (sender_id, event_id)
);
CREATE INDEX exit_event_waybill ON exit_event (waybill) WHERE waybill <> '';
CREATE INDEX exit_event_return ON exit_event (return_id) WHERE return_id <> '';

CREATE TABLE goods_return (
  return_no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  return_message_id bigint NOT NULL REFERENCES return_message,
  position          int NOT NULL,
  sender_id         int NOT NULL,
  return_id         text COLLATE "C" NOT NULL,
  return_waybill    text COLLATE "C" NOT NULL,
  content           bytea NOT NULL,
  recorded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (sender_id, return_id)
);
CREATE UNIQUE INDEX goods_return_message ON goods_return (return_message_id, position);
CREATE INDEX goods_return_waybill ON goods_return (return_waybill) WHERE return_waybill <> '';

-- What of a return belongs to one import: decided apart. The narrow row that lists show; its decisions are below.
CREATE TABLE return_case (
  case_no        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  return_no      bigint NOT NULL REFERENCES goods_return,
  declaration_id bigint,                -- null: no import was found
  claim          bytea NOT NULL,
  outcome        text,                  -- null: not decided yet
  version        int NOT NULL DEFAULT 0,
  amount         numeric,
  currency       text,
  proposed_by    text,                  -- an officer whose verdict waits for a second one's
  decided_at     timestamptz
);
CREATE UNIQUE INDEX return_case_import ON return_case (return_no, coalesce(declaration_id, 0));
CREATE INDEX return_case_declaration ON return_case (declaration_id);
CREATE INDEX return_case_to_do ON return_case (outcome, case_no) WHERE outcome IN ('case', 'waiting');

-- Every decision with what is needed to run it again. Never changed.
CREATE TABLE return_decision (
  decision_no    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_no        bigint NOT NULL REFERENCES return_case,
  version        int NOT NULL,
  declaration_id bigint,
  is_giving      boolean NOT NULL,
  event_no       bigint REFERENCES exit_event,
  actor          text NOT NULL,
  decided_at     timestamptz NOT NULL,
  considered     bytea NOT NULL,
  decision       bytea NOT NULL,
  digest         bytea NOT NULL CHECK (length(digest) = 32), -- of both
  UNIQUE (case_no, version)
);
CREATE INDEX return_decision_declaration ON return_decision (declaration_id) WHERE is_giving;
CREATE INDEX return_decision_event ON return_decision (event_no) WHERE is_giving;

-- What officers said of a case, on which of its decisions. Never changed.
CREATE TABLE return_verdict (
  verdict_no  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_no     bigint NOT NULL REFERENCES return_case,
  version     int NOT NULL,
  is_granted  boolean NOT NULL,
  officer     text NOT NULL CHECK (officer <> ''),
  words       text NOT NULL CHECK (words <> ''),
  recorded_at timestamptz NOT NULL
);
CREATE INDEX return_verdict_case ON return_verdict (case_no, version);

CREATE FUNCTION refuse_change_of_return() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER exit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exit_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_return();
CREATE TRIGGER goods_return_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON goods_return
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_return();
CREATE TRIGGER return_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON return_decision
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_return();
CREATE TRIGGER return_verdict_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON return_verdict
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_return();
