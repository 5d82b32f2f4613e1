-- Whose word moves others' parcels: carriers, posts, ports, for all they tell of. What anybody else tells moves its own alone.
ALTER TABLE sender ADD COLUMN tells_of_all boolean NOT NULL DEFAULT false;
