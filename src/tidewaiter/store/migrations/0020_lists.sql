-- Versions of lists: proposed by one person, in use once another approved. Contents are kept by digest beside the law.
CREATE TABLE list_version (
    version_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    jurisdiction_code text NOT NULL,  -- '': everywhere
    digest bytea REFERENCES knowledge (digest),  -- NULL: the list is to go out of use
    entry_count int NOT NULL,
    words text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    answered_by text,
    answered_at timestamptz,
    is_approved boolean
);

CREATE UNIQUE INDEX list_version_waiting ON list_version (name, jurisdiction_code) WHERE is_approved IS NULL;
