-- A capture has not ended while something that follows from what it told is still to be done.
ALTER TABLE movement_waiting ADD COLUMN capture_id text COLLATE "C" REFERENCES event_capture; -- whose word asks for it
UPDATE movement_waiting waiting SET capture_id = event.capture_id
FROM event WHERE event.event_id = waiting.event_id AND event.is_void = waiting.is_void;
CREATE INDEX movement_waiting_capture ON movement_waiting (capture_id);
CREATE INDEX movement_waiting_event ON movement_waiting (event_id);
