-- Models of scores: registered by one person, in use once another approved. Contents are kept by digest in `knowledge`;
-- which one decides says part_in_use, changed in the same transaction as the state here.
CREATE TABLE model_version (
  version_id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name              text COLLATE "C" NOT NULL CHECK (name <> ''),
  jurisdiction_code text NOT NULL,            -- '': everywhere
  digest            bytea NOT NULL REFERENCES knowledge (digest),
  card              bytea,                    -- JSON; null where it came without
  state             text NOT NULL CHECK (state IN ('registered', 'deciding', 'refused', 'retired')),
  is_on_trial       boolean NOT NULL DEFAULT false,
  registered_by     text NOT NULL CHECK (registered_by <> ''),
  registered_at     timestamptz NOT NULL,
  words             text NOT NULL
);
CREATE UNIQUE INDEX model_version_deciding ON model_version (name, jurisdiction_code) WHERE state = 'deciding';
CREATE UNIQUE INDEX model_version_on_trial ON model_version (name, jurisdiction_code) WHERE is_on_trial;

-- Every step, with who took it and why; rows are added and never changed.
CREATE TABLE model_event (
  event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version_id  int NOT NULL REFERENCES model_version,
  step        text NOT NULL,
  actor       text NOT NULL CHECK (actor <> ''),
  words       text NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX model_event_version ON model_event (version_id, event_id);

-- What a model was found to do in one period against another.
CREATE TABLE model_drift (
  drift_id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version_id  int NOT NULL REFERENCES model_version,
  actor       text NOT NULL,
  recorded_at timestamptz NOT NULL,
  figures     bytea NOT NULL                  -- canonical JSON
);
CREATE INDEX model_drift_version ON model_drift (version_id, drift_id);

-- Models put in use before there was a register of them.
INSERT INTO model_version (name, jurisdiction_code, digest, state, is_on_trial, registered_by, registered_at, words)
SELECT p.name, p.jurisdiction_code, p.digest, CASE WHEN p.is_shadow THEN 'registered' ELSE 'deciding' END, p.is_shadow,
       c.actor, c.changed_at, c.words
FROM part_in_use p JOIN part_change c ON c.change_id = p.put_in
WHERE p.kind = 'model' AND p.taken_in IS NULL AND c.actor <> ''
ORDER BY c.change_id;
