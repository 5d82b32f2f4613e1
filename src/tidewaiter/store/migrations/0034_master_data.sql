-- What the headers of documents tell of elements (places, classes, things, steps), by who told it; null: customs, or this system.
-- The last word of each on an element counts.
CREATE TABLE event_attribute (
  element   text COLLATE "C" NOT NULL,
  name      text COLLATE "C" NOT NULL,
  value     text,                              -- null: told as something that is no text or number
  sender_id int REFERENCES sender
);
CREATE INDEX event_attribute_element ON event_attribute (element, sender_id);

-- Which location lies in which has a teller too. Of pairs told before it is not known any more who did: they count for all.
ALTER TABLE event_location ADD COLUMN sender_id int REFERENCES sender;
ALTER TABLE event_location DROP CONSTRAINT event_location_pkey;
CREATE UNIQUE INDEX event_location_told ON event_location (location, lies_in, coalesce(sender_id, 0));
