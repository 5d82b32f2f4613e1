-- References are looked up by index whatever the planner thinks of the table's size: its plan is kept for the session,
-- and one made while the table was small would read all of it for every slice of a night's file.
ALTER FUNCTION are_known(int, text[]) SET enable_seqscan = off;
