-- How good the data of each sender is, form by form and day by day: counted from the evidence, block after block. The
-- position moves in the transaction that counts, so that no block counts twice.
CREATE TABLE quality_count (
  sender_id   int NOT NULL REFERENCES sender,
  form        text COLLATE "C" NOT NULL,
  day         date NOT NULL,          -- of receipt, UTC
  records     bigint NOT NULL,
  incomplete  bigint NOT NULL,        -- something that must be there was missing
  invalid     bigint NOT NULL,        -- could not be read or accepted
  implausible bigint NOT NULL,        -- accepted, with warnings
  late        bigint NOT NULL,        -- accepted, and the goods were there already
  PRIMARY KEY (sender_id, form, day)
);
CREATE TABLE quality_rule_count (
  sender_id int NOT NULL REFERENCES sender,
  form      text COLLATE "C" NOT NULL,
  day       date NOT NULL,
  rule_id   text COLLATE "C" NOT NULL,
  severity  text NOT NULL,
  records   bigint NOT NULL,          -- in which it was found, once or more
  PRIMARY KEY (sender_id, form, day, rule_id, severity)
);
CREATE TABLE quality_position (
  is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  block_id bigint NOT NULL
);
INSERT INTO quality_position (block_id) VALUES (0);
