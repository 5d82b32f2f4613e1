-- Queries ask which elements have an attribute, or one with a value.
CREATE INDEX event_attribute_name ON event_attribute (name, left(value, 200));
