-- Whether the next source of a channel is kept ready while one is on air; NULL: as the settings say.
ALTER TABLE channels ADD COLUMN hot_standby INTEGER CHECK (hot_standby IN (0, 1));
