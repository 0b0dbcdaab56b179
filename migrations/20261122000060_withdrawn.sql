-- Messages that their citizens took back where they had written them: what is shown to others must not show them any more.
alter table message add column withdrawn_at timestamptz;
comment on column message.withdrawn_at is 'When we noticed that it was deleted or hidden at the platform. The complaint and its number stay.';
