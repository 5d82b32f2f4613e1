-- Events of movement as EPCIS 2.0 tells them. What was handed in is kept as it came; an event is kept once and never
-- changed: what takes it back is another event under its id.
CREATE TABLE event_capture (
  capture_id  text COLLATE "C" PRIMARY KEY,
  capture_no  bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  captor      text NOT NULL,
  sender_id   int REFERENCES sender,          -- null: told by an officer, or by this system itself
  behaviour   text NOT NULL CHECK (behaviour IN ('rollback', 'proceed')),
  content     bytea STORAGE EXTERNAL NOT NULL, -- as it came (zstd), committed before it is read
  digest      bytea NOT NULL CHECK (length(digest) = 32),
  received_at timestamptz NOT NULL,
  finished_at timestamptz,                     -- null: still to be read
  is_success  boolean,
  event_ids   text[] NOT NULL DEFAULT '{}',
  known_ids   text[] NOT NULL DEFAULT '{}',
  findings    jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX event_capture_open ON event_capture (capture_no) WHERE finished_at IS NULL;
CREATE INDEX event_capture_sender ON event_capture (sender_id, capture_no);

CREATE TABLE event (
  event_no    bigint PRIMARY KEY,              -- rising in the order of commit: taken under the writer's lock
  event_id    text COLLATE "C" NOT NULL,
  is_void     boolean NOT NULL,                -- has an error declaration: it takes back the one of the same id
  digest      bytea NOT NULL CHECK (length(digest) = 32), -- of the event in its one writing
  event_time  timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  sender_id   int REFERENCES sender,
  capture_id  text COLLATE "C" NOT NULL REFERENCES event_capture,
  terms       text[] COLLATE "C" NOT NULL,     -- what it is found by: messages.epcis.conditions.terms_of
  things      text[] COLLATE "C" NOT NULL,     -- the numbers of all it is about
  content     bytea STORAGE EXTERNAL NOT NULL, -- model.event.Event in canonical JSON (zstd)
  UNIQUE (event_id, is_void)
);
CREATE INDEX event_terms ON event USING gin (terms) WITH (fastupdate = off);
CREATE INDEX event_things ON event USING gin (things) WITH (fastupdate = off);
CREATE INDEX event_time ON event (event_time, event_no);
CREATE INDEX event_recorded ON event (recorded_at, event_no);
CREATE INDEX event_sender ON event (sender_id, event_no);

-- Every word and number that events were told with, once: what the lists of resources show.
CREATE TABLE event_value (
  field text NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (field, value)
);

-- Which location lies in which, as senders' master data says.
CREATE TABLE event_location (
  location text COLLATE "C" NOT NULL,
  lies_in  text COLLATE "C" NOT NULL,
  PRIMARY KEY (location, lies_in)
);
CREATE INDEX event_location_in ON event_location (lies_in);

-- Named queries belong to whoever named them; a subscription is a query that answers by itself.
CREATE TABLE event_query (
  query_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sender_id  int REFERENCES sender,
  name       text COLLATE "C" NOT NULL CHECK (name <> ''),
  parameters jsonb NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX event_query_name ON event_query (coalesce(sender_id, 0), name);

CREATE TABLE event_subscription (
  subscription_id   text COLLATE "C" PRIMARY KEY,
  query_id          bigint NOT NULL REFERENCES event_query ON DELETE CASCADE,
  dest              text NOT NULL,
  secret            bytea NOT NULL,
  schedule          jsonb,                     -- null: each event as it comes
  is_empty_reported boolean NOT NULL,
  initial_at        timestamptz,
  created_at        timestamptz NOT NULL,
  seen              bigint NOT NULL,           -- the last event_no that was looked at
  next_at           timestamptz NOT NULL,      -- when it is looked at again
  failures          int NOT NULL DEFAULT 0,
  last_failure      text NOT NULL DEFAULT '',
  notified_at       timestamptz
);
CREATE INDEX event_subscription_due ON event_subscription (next_at);
