-- A token goes with the user who made it. Those of `rooftop token`, and those from before, are nobody's.

ALTER TABLE api_tokens ADD COLUMN user_id INTEGER REFERENCES users (id) ON DELETE CASCADE;

CREATE INDEX api_tokens_of_user ON api_tokens (user_id);
