-- What is in or on what, and for whom it was said: of a teller that the administration has not entrusted (`only_for`), a word
-- counts for that sender's own declarations and for nobody else's. Whom it entrusts may change, so that is looked up and not kept.
CREATE VIEW movement_word AS
SELECT told.kind, told.parent, told.child, told.at, told.is_in,
       CASE WHEN teller.tells_of_all THEN NULL ELSE event.sender_id END AS only_for
FROM movement_contained told
LEFT JOIN event ON event.event_id = told.event_id AND NOT event.is_void
LEFT JOIN sender teller ON teller.sender_id = event.sender_id;
