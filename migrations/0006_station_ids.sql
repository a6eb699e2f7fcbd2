-- Gracenote's id of a channel's station, as its playlist says it (`tvc-guide-stationid`): Channels DVR finds its own guide by it.

ALTER TABLE channels ADD COLUMN station_id TEXT;
