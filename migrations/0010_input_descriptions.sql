-- A stream of elementary streams may be described here instead of in a file: its session description (RFC 8866), as it was given.
ALTER TABLE input_rules ADD COLUMN sdp TEXT;
