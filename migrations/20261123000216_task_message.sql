-- Links of tasks go through the adapter of a chat or of text messages too: where a body is reached, and the messages that bring a link.

alter table body
  -- Which program, which account of ours, and to whom, sealed. Null: by mail, or handed on.
  add column adapter text,
  add column account text,
  add column sealed text,
  add constraint body_whole_way check ((adapter is null) = (account is null) and (adapter is null) = (sealed is null)),
  add constraint body_one_way check (email is null or sealed is null);

create table task_message (
  -- The message's id on the bus.
  id uuid primary key,
  task uuid not null unique references task on delete cascade,
  adapter text not null,
  account text not null,
  -- To whom; gone as soon as the bus has it.
  sealed text,
  state text not null check (state in ('due', 'published', 'refused')),
  due_at timestamptz not null,
  lease_until timestamptz,
  attempts integer not null default 0,
  -- What the platform said became of it, as with replies.
  receipt text check (receipt in ('sent', 'unknown', 'delivered', 'read', 'failed')),
  receipt_rank smallint not null default 0,
  receipt_at timestamptz,
  platform_id text,
  -- The platform's words when it failed; of one that was refused a word of ours.
  error text,
  check ((state = 'due') = (sealed is not null)),
  check ((receipt is null) = (receipt_rank = 0))
);
create index task_message_due on task_message (due_at) where state = 'due';
create index task_message_platform on task_message (adapter, account, platform_id) where platform_id is not null;
