-- What was told of goods on their way, by the declarations it concerns. Events themselves are kept as they came; a row here
-- says that one is about a declaration, and what it tells of it. The course is worked out of these rows whenever it is asked.
CREATE TABLE movement_step (
  declaration_id bigint NOT NULL,
  event_id       text COLLATE "C" NOT NULL,
  is_void        boolean NOT NULL,
  step           text NOT NULL,
  happened_at    timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL,
  place          text NOT NULL,
  point          text NOT NULL,               -- geo URI (RFC 5870), '' where none was told
  device_id      text COLLATE "C" NOT NULL,
  words          text NOT NULL,
  PRIMARY KEY (declaration_id, event_id, is_void)
);

-- What rules see in a course: found once, ended when the course does not show it any more. `done` is what followed.
CREATE TABLE movement_finding (
  declaration_id bigint NOT NULL,
  rule_id        text NOT NULL,
  event_id       text COLLATE "C" NOT NULL,
  severity       text NOT NULL CHECK (severity IN ('error', 'warning', 'info')),
  words          text NOT NULL,
  value          text NOT NULL,
  hint           text NOT NULL,
  found_at       timestamptz NOT NULL,
  ended_at       timestamptz,
  done           text NOT NULL DEFAULT '' CHECK (done IN ('', 'held', 'on_alarm', 'at_customs', 'gone', 'ended', 'failed')),
  done_words     text NOT NULL DEFAULT '',
  answered_at    timestamptz,                 -- by an officer who has looked: the case is closed
  answered_by    text NOT NULL DEFAULT '',
  answer         text NOT NULL DEFAULT '',
  PRIMARY KEY (declaration_id, rule_id, event_id)
);
CREATE INDEX movement_finding_open ON movement_finding (found_at) WHERE answered_at IS NULL AND ended_at IS NULL;

-- What was done on an event, which is not undone in silence when the event is taken back.
CREATE TABLE movement_act (
  declaration_id bigint NOT NULL,
  event_id       text COLLATE "C" NOT NULL,
  words          text NOT NULL,
  done_at        timestamptz NOT NULL,
  PRIMARY KEY (declaration_id, event_id)
);

-- What is in what (aggregations), and what is on what (associations), as told: the last word before a moment counts.
CREATE TABLE movement_contained (
  kind     text NOT NULL CHECK (kind IN ('in', 'on')),
  parent   text COLLATE "C" NOT NULL,
  child    text COLLATE "C" NOT NULL,
  at       timestamptz NOT NULL,
  is_in    boolean NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, parent, child, at, event_id)
);
CREATE INDEX movement_contained_child ON movement_contained (kind, child, at);
CREATE INDEX movement_contained_event ON movement_contained (event_id);

-- Places where goods arrive before the customs of a jurisdiction, by the URI of the read point or location in events.
CREATE TABLE movement_place (
  place             text COLLATE "C" PRIMARY KEY,
  jurisdiction_code text NOT NULL,
  name              text NOT NULL,
  actor             text NOT NULL,
  added_at          timestamptz NOT NULL
);

-- Devices that tell of goods. A secret is kept as it is: it has to be at hand to verify by.
CREATE TABLE device (
  device_id     text COLLATE "C" PRIMARY KEY,
  kind          text NOT NULL CHECK (kind IN ('seal', 'tracker', 'logger', 'aircraft')),
  algorithm     text NOT NULL CHECK (algorithm IN ('ed25519', 'hmac-sha256')),
  key           bytea NOT NULL CHECK (length(key) BETWEEN 32 AND 64),
  celsius_min   numeric,
  celsius_max   numeric,
  created_at    timestamptz NOT NULL,
  ended_at      timestamptz,
  counter       bigint NOT NULL DEFAULT 0,    -- of the last reading taken
  last_at       timestamptz                   -- when it was taken
);
CREATE TABLE device_reading (
  device_id   text COLLATE "C" NOT NULL REFERENCES device,
  counter     bigint NOT NULL,
  digest      bytea NOT NULL CHECK (length(digest) = 32),
  read_at     timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  transport   text NOT NULL,
  body        bytea NOT NULL,
  captured_at timestamptz,                    -- null: its event is not written yet
  PRIMARY KEY (device_id, counter)
);
CREATE INDEX device_reading_waiting ON device_reading (received_at) WHERE captured_at IS NULL;
CREATE TABLE device_refusal (
  device_id text COLLATE "C" NOT NULL,        -- '': no device of ours
  code      text NOT NULL,
  count     bigint NOT NULL,
  last_at   timestamptz NOT NULL,
  detail    text NOT NULL,
  PRIMARY KEY (device_id, code)
);

-- Flights of drones as they were permitted, and where they were seen.
CREATE TABLE flight (
  flight_id text COLLATE "C" PRIMARY KEY,
  device_id text COLLATE "C" NOT NULL REFERENCES device,
  begins_at timestamptz NOT NULL,
  ends_at   timestamptz NOT NULL,
  permit    jsonb NOT NULL,
  actor     text NOT NULL,
  added_at  timestamptz NOT NULL,
  landed_at timestamptz
);
CREATE INDEX flight_device ON flight (device_id, begins_at);
CREATE TABLE flight_finding (
  flight_id text COLLATE "C" NOT NULL REFERENCES flight,
  rule_id   text NOT NULL,
  event_id  text COLLATE "C" NOT NULL,
  value     text NOT NULL,
  found_at  timestamptz NOT NULL,
  PRIMARY KEY (flight_id, rule_id)
);
