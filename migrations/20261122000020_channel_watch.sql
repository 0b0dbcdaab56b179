-- What is needed to see how it goes with each official way in: how often it is written to, and whether its answers are held back.

-- The messages of one channel by time, read without touching the table: its rhythm, its last one, how many today.
create index message_of_channel on message (adapter, account, received_at);

create table channel_pause (
  adapter text not null,
  account text not null,
  since timestamptz not null,
  reason text not null,
  primary key (adapter, account)
);
comment on table channel_pause is 'Replies by this channel wait (reply.state stays due). What comes in is taken as ever.';
