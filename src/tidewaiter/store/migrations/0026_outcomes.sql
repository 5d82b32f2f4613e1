-- Outcomes of examinations as they were told; a row is never changed. A correction is another row that names the one it
-- takes the place of. What was not in order takes effect when a second person approves it.
CREATE TABLE examination_outcome (
  outcome_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest         bytea NOT NULL UNIQUE,       -- of the content: told again it is kept once
  content        bytea NOT NULL,
  reference      text NOT NULL,
  is_in_order    boolean NOT NULL,
  is_seized      boolean NOT NULL,
  examined_at    timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL,
  recorded_by    text NOT NULL CHECK (recorded_by <> ''),
  corrects       bigint REFERENCES examination_outcome
);
CREATE UNIQUE INDEX examination_outcome_corrects ON examination_outcome (corrects);

-- Which declaration it is of, and which of its versions stood; none while no declaration of that name has come.
CREATE TABLE outcome_match (
  outcome_id     bigint PRIMARY KEY REFERENCES examination_outcome,
  declaration_id bigint NOT NULL,
  version        smallint NOT NULL,
  matched_at     timestamptz NOT NULL
);
CREATE INDEX outcome_match_declaration ON outcome_match (declaration_id);

CREATE TABLE outcome_answer (
  outcome_id     bigint PRIMARY KEY REFERENCES examination_outcome,
  is_approved    boolean NOT NULL,
  answered_by    text NOT NULL CHECK (answered_by <> ''),
  answered_at    timestamptz NOT NULL,
  words          text NOT NULL
);

-- What parcels share, by keys from which nobody reads what they are of; written behind the evidence, block by block.
CREATE TABLE link_key (
  kind           text NOT NULL,
  number         bigint NOT NULL,
  declaration_id bigint NOT NULL,
  PRIMARY KEY (number, kind, declaration_id)
);
CREATE INDEX link_key_declaration ON link_key (declaration_id);
CREATE TABLE link_position (block_id bigint NOT NULL);
INSERT INTO link_position VALUES (0);

-- Seizures whose links were followed, and the parcels that were found by them.
CREATE TABLE seizure_followed (
  outcome_id     bigint PRIMARY KEY REFERENCES examination_outcome,
  followed_at    timestamptz NOT NULL
);
CREATE TABLE link_alert (
  outcome_id     bigint NOT NULL REFERENCES examination_outcome,
  declaration_id bigint NOT NULL,
  strength       smallint NOT NULL,           -- 0 to 100
  words          text NOT NULL,               -- the way from the seizure to it
  done           text NOT NULL,               -- held, at_customs, audit, failed
  done_words     text NOT NULL,
  told_at        timestamptz NOT NULL,
  PRIMARY KEY (outcome_id, declaration_id)
);
