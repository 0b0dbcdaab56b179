-- What is held until a person has looked whether it is a complaint, and the limits that say when.

create table guard_limit (
  -- From this day on, until another row begins.
  valid_from date primary key,
  -- Complaints of one sender in an hour, and automatic answers to them.
  opens smallint not null check (opens between 1 and 1000),
  answers smallint not null check (answers between 1 and 1000),
  -- From so many points on a complaint is held.
  points smallint not null check (points between 20 and 1000),
  -- Messages of one channel in ten minutes.
  rush integer not null check (rush between 10 and 1000000),
  -- Working days until somebody must have looked.
  days smallint not null check (days between 0 and 30),
  noted_at timestamptz not null,
  staff uuid references staff
);
comment on table guard_limit is 'A row is never changed: another one begins. Without any, the limits of the program hold (model::Guard).';
create trigger guard_limit_changes after insert or update or delete or truncate on guard_limit for each statement execute function directory_changed();

create function guard_limit_stays() returns trigger language plpgsql as $$
begin
  raise exception 'limits are not changed or removed: add a row with a later day' using errcode = 'restrict_violation';
end $$;
create trigger guard_limit_stays before update or delete on guard_limit for each row execute function guard_limit_stays();

-- Which words several people sent, by hash; a day.
create table same_words (
  words bigint not null,
  citizen uuid not null,
  at timestamptz not null,
  primary key (words, citizen)
);
comment on table same_words is 'Who opened a complaint with which words, within a day: many senders of one text speak against it.';
create index same_words_by_time on same_words (at);

alter table complaint add column held boolean not null
  generated always as ((why -> 'held') is not null and (why -> 'held' -> 'verdict') is null) stored;
comment on column complaint.held is 'Waits until a person has looked whether it is a complaint.';
alter table queue_open add column held boolean not null default false;
create index queue_open_held on queue_open (opened_at, id) where held;

create or replace function queue_got_complaint() returns trigger language plpgsql as $$
begin
  insert into queue_open (id, complaint, work, opened_at, category, area, channel, account, danger, visibility, held)
  select id, id, 'triage', opened_at, category, area, adapter || ' ' || account, account, danger, visibility, held
  from added
  where status = 'received';
  return null;
end $$;

create or replace function queue_moved_complaint() returns trigger language plpgsql as $$
declare
  changed uuid[];
begin
  changed := array(
    select a.id from added a join gone g on g.id = a.id
    where (a.category, a.area, a.danger, a.visibility, a.opened_at, a.adapter, a.account, a.held)
      is distinct from (g.category, g.area, g.danger, g.visibility, g.opened_at, g.adapter, g.account, g.held)
  );
  if cardinality(changed) > 0 then
    update queue_open q
    set opened_at = c.opened_at, category = c.category, area = c.area, channel = c.adapter || ' ' || c.account, account = c.account,
      danger = c.danger, visibility = c.visibility, held = c.held and q.work = 'triage'
    from added c
    where c.id = any(changed) and q.complaint = c.id;
    update queue_done q
    set opened_at = c.opened_at, category = c.category, area = c.area, channel = c.adapter || ' ' || c.account, account = c.account,
      danger = c.danger, visibility = c.visibility
    from added c
    where c.id = any(changed) and q.complaint = c.id;
  end if;
  delete from queue_open
  where id in (select a.id from added a join gone g on g.id = a.id where g.status = 'received' and a.status <> 'received');
  insert into queue_open (id, complaint, work, opened_at, category, area, channel, account, danger, visibility, held)
  select a.id, a.id, 'triage', a.opened_at, a.category, a.area, a.adapter || ' ' || a.account, a.account, a.danger, a.visibility, a.held
  from added a
  join gone g on g.id = a.id
  where g.status <> 'received' and a.status = 'received';
  return null;
end $$;

do $$
declare
  known text;
begin
  select string_agg(quote_literal(word[1]), ', ') into known
  from pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') as word
  where c.conname = 'update_kind_check' and c.conrelid = 'update'::regclass;
  alter table update drop constraint update_kind_check;
  execute format('alter table update add constraint update_kind_check check (kind in (%s, ''held'', ''released'', ''rejected''))', known);
end $$;
