-- An administration's own declaration system, connected. It is handed documents: like a webhook it has a cursor among the
-- notices. And it tells what happened there: events, each carried out once.
CREATE TABLE connector (
  connector_id  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name          text NOT NULL UNIQUE CHECK (name <> ''),    -- named as the actor of what it tells: never given twice
  jurisdiction_code text NOT NULL,
  kinds         notice_kind[] NOT NULL CHECK (cardinality(kinds) > 0),
  datasets      text[] NOT NULL,                            -- of which datasets; none named: of all
  target        text NOT NULL,                              -- the form of document
  address       text NOT NULL,                              -- a folder's absolute path, or https://…
  secret        bytea CHECK (length(secret) = 32),          -- signs what is posted; null for a folder
  created_at    timestamptz NOT NULL,
  ended_at      timestamptz,
  taken         bigint NOT NULL,                            -- the last notice that was handed over or passed by
  taken_at      timestamptz,
  failures      int NOT NULL DEFAULT 0,
  failing_since timestamptz,
  next_try_at   timestamptz NOT NULL,
  last_error    text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX connector_folder ON connector (address) WHERE ended_at IS NULL AND secret IS NULL;

-- What could not be written in the connector's form, and why; what follows it goes on.
CREATE TABLE connector_set_aside (
  connector_id   int NOT NULL REFERENCES connector,
  notice_id      bigint NOT NULL,
  declaration_id bigint NOT NULL,
  version        smallint NOT NULL,
  kind           notice_kind NOT NULL,
  code           text NOT NULL,
  words          text NOT NULL,
  hint           text NOT NULL,
  place          text NOT NULL,
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (connector_id, notice_id)
);

-- What a connector sent, as it came, committed before it is read (zstd); and what it was answered.
CREATE TABLE connector_message (
  connector_message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  connector_id   int NOT NULL REFERENCES connector,
  content        bytea STORAGE EXTERNAL NOT NULL,
  digest         bytea NOT NULL CHECK (length(digest) = 32),
  transport      text NOT NULL,
  received_at    timestamptz NOT NULL,
  answer         jsonb
);

-- Events that were carried out, written in the transaction that did it: none is carried out twice.
CREATE TABLE connector_event (
  connector_id   int NOT NULL REFERENCES connector,
  event_id       text COLLATE "C" NOT NULL,
  digest         bytea NOT NULL CHECK (length(digest) = 32),  -- of what it says
  connector_message_id bigint NOT NULL REFERENCES connector_message,
  line_no        int NOT NULL,
  declaration_id bigint NOT NULL,
  answer         jsonb NOT NULL,
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (connector_id, event_id)
);
CREATE INDEX connector_event_declaration ON connector_event (declaration_id);

-- The numbers under which the administration's system registered declarations.
CREATE TABLE connector_registration (
  connector_id   int NOT NULL REFERENCES connector,
  declaration_id bigint NOT NULL,
  number         text COLLATE "C" NOT NULL CHECK (number <> ''),
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (connector_id, declaration_id),
  UNIQUE (connector_id, number)
);

-- A key of the administration's system tells events, and nothing else.
ALTER TABLE api_key ADD connector_id int REFERENCES connector;
ALTER TABLE api_key DROP CONSTRAINT api_key_role_check;
ALTER TABLE api_key ADD CONSTRAINT api_key_role_check CHECK (role IN ('declarant', 'officer', 'administration'));
ALTER TABLE api_key ADD CONSTRAINT api_key_connector CHECK ((role = 'administration') = (connector_id IS NOT NULL));
