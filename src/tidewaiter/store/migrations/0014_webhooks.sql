-- Where senders want to be told, instead of asking. A webhook has a cursor among the notices of its sender: what is
-- behind it was taken, so that after any crash or outage delivery goes on where it stood, in order.
CREATE TABLE webhook (
  webhook_id   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sender_id    int NOT NULL REFERENCES sender,
  url          text NOT NULL,
  secret       bytea NOT NULL CHECK (length(secret) = 32),  -- signs what is sent; shown once
  created_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  taken        bigint NOT NULL DEFAULT 0,                   -- the last notice that was taken
  taken_at     timestamptz,
  failures     int NOT NULL DEFAULT 0,                      -- attempts since that failed
  failing_since timestamptz,
  next_try_at  timestamptz NOT NULL,
  last_error   text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX webhook_address ON webhook (sender_id, url) WHERE ended_at IS NULL;
