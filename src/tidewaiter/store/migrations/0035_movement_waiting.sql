-- What follows from an event for a declaration and is still to be done: an event that is about many parcels is carried out in
-- slices, each a transaction of its own. A row is written with the event and goes with what it asks for.
CREATE TABLE movement_waiting (
  waiting_no     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- rising in the order told: taken under the writer's lock
  declaration_id bigint NOT NULL,
  event_id       text COLLATE "C" NOT NULL,
  is_void        boolean NOT NULL,
  is_new         boolean NOT NULL              -- told of this declaration for the first time: the record gets an entry
);
CREATE INDEX movement_waiting_declaration ON movement_waiting (declaration_id);
