-- Goods in free zones and customs warehouses: an account for each operator and place, derived from facts that are only added.

CREATE TABLE stock_account (
  account_no        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sender_id         int NOT NULL REFERENCES sender,  -- the operator, who hands in and whose declarations are made
  place_id          text COLLATE "C" NOT NULL,
  place_name        text NOT NULL,
  place_kind        text NOT NULL CHECK (place_kind IN ('free zone', 'warehouse')),
  jurisdiction_code text COLLATE "C" NOT NULL,
  operator_id       text COLLATE "C" NOT NULL,       -- as declarations name it: EORI, TIN …
  authorisation_id  text COLLATE "C" NOT NULL,
  guarantee_id      text COLLATE "C" NOT NULL,       -- named in the declarations that are made; '' for none
  locations         text[] COLLATE "C" NOT NULL,     -- URIs under which events name the place
  opened_by         text NOT NULL,
  opened_at         timestamptz NOT NULL,
  UNIQUE (sender_id, place_id)
);
CREATE INDEX stock_account_location ON stock_account USING gin (locations);

-- The bytes as received (zstd), committed before anything reads them.
CREATE TABLE stock_message (
  message_no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no      int NOT NULL REFERENCES stock_account,
  kind            text NOT NULL CHECK (kind IN ('entries', 'orders', 'returns', 'count')),
  idempotency_key text COLLATE "C" NOT NULL,
  digest          bytea NOT NULL CHECK (length(digest) = 32),
  told_by         text NOT NULL,
  received_at     timestamptz NOT NULL,
  content         bytea STORAGE EXTERNAL NOT NULL,
  taken           bytea,                             -- what its records became, written with what they changed
  receipt         bytea,                             -- null: still to be (or being) worked through
  UNIQUE (account_no, kind, idempotency_key)
);
CREATE INDEX stock_message_unprocessed ON stock_message (message_no) WHERE receipt IS NULL;

-- One declaration made of an entry, an order or a shortage; until it ends, what it takes is reserved.
CREATE TABLE stock_filing (
  filing_no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no     int NOT NULL REFERENCES stock_account,
  message_no     bigint REFERENCES stock_message,    -- null: of a count that was booked, or an order told elsewhere
  flow           text NOT NULL CHECK (flow IN ('inward', 'local', 'abroad', 'shortage')),
  reference      text COLLATE "C" NOT NULL,          -- the functional reference of the declaration
  told           bytea NOT NULL,                     -- what the operator told, as read
  taken          bytea NOT NULL,                     -- from which lots
  declared       bytea,                              -- the declaration as it is handed in; null: entered in records alone
  declaration_id bigint,
  state          text NOT NULL CHECK (state IN ('open', 'done', 'lifted')),
  made_at        timestamptz NOT NULL,
  ended_at       timestamptz,
  words          text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX stock_filing_reference ON stock_filing (account_no, reference) WHERE state <> 'lifted';
CREATE INDEX stock_filing_open ON stock_filing (account_no) WHERE state = 'open';
CREATE INDEX stock_filing_message ON stock_filing (message_no);
CREATE INDEX stock_filing_declaration ON stock_filing (declaration_id);

CREATE TABLE stock_fact (
  fact_no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no   int NOT NULL REFERENCES stock_account,
  source       text COLLATE "C" NOT NULL,
  kind         text NOT NULL,
  reverses     text COLLATE "C",
  effective_at timestamptz NOT NULL,
  recorded_at  timestamptz NOT NULL,
  content      bytea NOT NULL,
  UNIQUE (account_no, source),
  UNIQUE (account_no, reverses),
  CHECK ((kind = 'correction') = (reverses IS NOT NULL))
);
CREATE INDEX stock_fact_account ON stock_fact (account_no, fact_no);

CREATE TABLE stock_count (
  count_no    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no  int NOT NULL REFERENCES stock_account,
  message_no  bigint REFERENCES stock_message,
  count_id    text COLLATE "C" NOT NULL,
  counted_at  timestamptz NOT NULL,
  content     bytea NOT NULL,
  differences bytea NOT NULL,                        -- as they were when it was recorded
  recorded_at timestamptz NOT NULL,
  booked_by   text,                                  -- null: nobody answered for it yet
  booked_at   timestamptz,
  words       text NOT NULL DEFAULT '',
  UNIQUE (account_no, count_id)
);

-- What events said that the account cannot follow, each once.
CREATE TABLE stock_finding (
  finding_no  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_no  int NOT NULL REFERENCES stock_account,
  source      text COLLATE "C" NOT NULL,
  content     bytea NOT NULL,
  recorded_at timestamptz NOT NULL,
  UNIQUE (account_no, source)
);

-- Up to which claim the orders of marketplaces were followed.
CREATE TABLE stock_followed (
  is_only        boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  declaration_id bigint NOT NULL
);
INSERT INTO stock_followed (declaration_id) VALUES (0);

CREATE FUNCTION refuse_change_of_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER stock_fact_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_fact
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_stock();
