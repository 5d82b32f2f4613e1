-- What history keeps of each declaration: who it came from and to, by keys, and what it was worth.
-- A row is never changed: what is told otherwise, or comes to nothing, ends, and another may take its place. `known` and
-- `ended` are the number of the change by which it came and ended, so that what was known at any change can be told.
CREATE TABLE history_change (known bigint NOT NULL);
INSERT INTO history_change VALUES (0);

CREATE TABLE happening (
    message_id bigint NOT NULL,
    position bigint NOT NULL,
    day date NOT NULL,
    household bigint,
    person bigint,
    phone bigint,
    consignor bigint,
    cents bigint,
    known bigint NOT NULL,
    ended bigint,
    PRIMARY KEY (message_id, position, known)
);

CREATE INDEX happening_household ON happening (household, day) WHERE ended IS NULL AND household IS NOT NULL;
CREATE INDEX happening_phone ON happening (phone, day) WHERE ended IS NULL AND phone IS NOT NULL;

-- The same of senders by day, as one may have very many parcels.
CREATE TABLE consignor_day (
    consignor bigint NOT NULL,
    day date NOT NULL,
    parcels int NOT NULL,
    cents bigint NOT NULL,
    PRIMARY KEY (consignor, day)
);
