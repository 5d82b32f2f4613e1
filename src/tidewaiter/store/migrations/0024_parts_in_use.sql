-- Which published rules, lists and models are in use for targeting, and which were, with who said so.
CREATE TABLE part_change (
    change_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_at timestamptz NOT NULL,
    actor text NOT NULL,
    words text NOT NULL
);

CREATE TABLE part_in_use (
    kind text NOT NULL,
    name text NOT NULL,
    jurisdiction_code text NOT NULL,  -- '': everywhere
    is_shadow boolean NOT NULL,
    digest bytea NOT NULL REFERENCES knowledge (digest),
    put_in int NOT NULL REFERENCES part_change,
    taken_in int REFERENCES part_change,
    PRIMARY KEY (kind, name, jurisdiction_code, is_shadow, put_in)
);

CREATE UNIQUE INDEX part_in_use_one ON part_in_use (kind, name, jurisdiction_code, is_shadow) WHERE taken_in IS NULL;
