-- Closing after silence: what is waiting for that, and what was closed.

alter table dispatch add column closed_at timestamptz;
-- The same as closes_at while it is to be closed then. Null: nothing is settled, somebody said a word, it was closed, or it was settled by a
-- version that told the citizen no date.
alter table dispatch add column close_due timestamptz;
create index dispatch_to_close on dispatch (close_due) where close_due is not null;
