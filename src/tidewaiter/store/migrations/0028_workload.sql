-- What was sent to be looked at by offices that have a budget, day by day (UTC, of receipt) and flight by flight ('': none
-- named), each declaration counted once, when it is first decided. Decisions keep what was counted when they were made;
-- nothing else rests on these rows, which can be counted again from evidence.
CREATE TABLE workload (
  day          date NOT NULL,
  office_id    text COLLATE "C" NOT NULL,
  flight       text COLLATE "C" NOT NULL,
  parcels      bigint NOT NULL,
  mandatory    bigint NOT NULL,
  chance       bigint NOT NULL,
  rules        bigint NOT NULL,
  score        bigint NOT NULL,
  rules_wanted bigint NOT NULL,               -- thousandths of parcels: what odds at full rates come to
  score_wanted bigint NOT NULL,
  PRIMARY KEY (day, office_id, flight)
);

-- Policies live as rule sets do: versions, steps with who and why, one that decides.
ALTER TABLE rule_set ADD COLUMN kind text NOT NULL DEFAULT 'rules' CHECK (kind IN ('rules', 'policy'));
ALTER TABLE rule_set DROP CONSTRAINT rule_set_name_jurisdiction_code_key;
ALTER TABLE rule_set ADD UNIQUE (kind, name, jurisdiction_code);
