-- The messages of one channel by time. Its first column is the channel's two names in one: an index that began with `adapter, account` also
-- fitted a look-up by `message_key`, and as long as PostgreSQL had not counted the rows it took that one: it then read every message of the
-- channel for each that came in.
drop index message_of_channel;
create index message_of_channel on message ((adapter || ' ' || account), received_at);
