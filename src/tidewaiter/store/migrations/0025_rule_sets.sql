-- The life of rule sets: what officers wrote, tried, approved, published and retired. A published text is kept by its
-- digest in `knowledge`; which one decides says part_in_use, changed in the same transaction as the state here.
CREATE TABLE rule_set (
  rule_set_id       int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name              text COLLATE "C" NOT NULL CHECK (name <> ''),
  jurisdiction_code text NOT NULL,            -- '': everywhere
  UNIQUE (name, jurisdiction_code)
);

CREATE TABLE rule_set_version (
  rule_set_id int NOT NULL REFERENCES rule_set,
  version     int NOT NULL,
  state       text NOT NULL CHECK (state IN ('draft', 'checked', 'shadow', 'proposed', 'approved', 'published', 'retired')),
  is_on_trial boolean NOT NULL DEFAULT false,
  revision    int NOT NULL,                   -- rises with each text that is written; whoever writes says which was read
  content     text NOT NULL,                  -- as written
  digest      bytea CHECK (length(digest) = 32),  -- of the canonical text; null while it was not checked
  PRIMARY KEY (rule_set_id, version)
);
CREATE UNIQUE INDEX rule_set_published ON rule_set_version (rule_set_id) WHERE state = 'published';
CREATE UNIQUE INDEX rule_set_on_trial ON rule_set_version (rule_set_id) WHERE is_on_trial;

-- Every step, with who took it and why; rows are added and never changed.
CREATE TABLE rule_set_event (
  event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule_set_id int NOT NULL,
  version     int NOT NULL,
  step        text NOT NULL,
  state       text NOT NULL,                  -- after it
  revision    int NOT NULL,
  actor       text NOT NULL CHECK (actor <> ''),
  words       text NOT NULL,
  recorded_at timestamptz NOT NULL,
  content     text,                           -- what was written, where the step wrote something
  FOREIGN KEY (rule_set_id, version) REFERENCES rule_set_version
);
CREATE INDEX rule_set_event_version ON rule_set_event (rule_set_id, version, event_id);

-- Back-tests that were run: what was asked, the figures that came out, and the parcels that rules hit.
CREATE TABLE back_test (
  back_test_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule_set_id  int NOT NULL,
  version      int NOT NULL,
  revision     int NOT NULL,
  digest       bytea NOT NULL CHECK (length(digest) = 32),
  since        date NOT NULL,
  until        date NOT NULL,
  actor        text NOT NULL,
  recorded_at  timestamptz NOT NULL,
  figures      bytea NOT NULL,                -- canonical JSON
  FOREIGN KEY (rule_set_id, version) REFERENCES rule_set_version
);

CREATE TABLE back_test_hit (
  back_test_id   int NOT NULL REFERENCES back_test,
  declaration_id bigint NOT NULL,
  lane_before    lane NOT NULL,
  lane_after     lane NOT NULL,
  rule_ids       text[] NOT NULL,
  PRIMARY KEY (back_test_id, declaration_id)
);

-- A day or a period of decisions is found without going through all: rows lie in the order they came in.
CREATE INDEX declaration_legal_day ON declaration USING brin (legal_day);
