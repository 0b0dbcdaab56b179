-- What the lists need to leave out what waits for the citizen, and what the escalation's worker needs to find what is due without reading the rest.

-- Since when the citizen is asked; null: they are not. What was late when they were asked stays late.
alter table queue_open add column asked_at timestamptz;
-- When its clocks are looked at next. Null: not since they began or moved. Infinity: not before something changes.
alter table queue_open add column look_at timestamptz;
-- Whether somebody was told of a clock of it.
alter table queue_open add column escalated boolean not null default false;
create index queue_open_never_looked_at on queue_open (opened_at) where look_at is null;
create index queue_open_to_look_at on queue_open (look_at) where look_at < 'infinity';
create index queue_open_escalated on queue_open ((coalesce(deadline, opened_at)), id) where escalated;

create function queue_asked() returns trigger language plpgsql as $$
begin
  new.asked_at := null;
  if new.work = 'awaiting_citizen' then
    new.asked_at := (select (pauses -> -1 ->> 'from')::timestamptz from dispatch where id = new.id and pauses -> -1 ->> 'until' is null);
  end if;
  return new;
end $$;
-- Nothing of this runs when intake writes a row.
create trigger queue_open_asked before insert or update of work on queue_open
  for each row when (new.work = 'awaiting_citizen' or new.asked_at is not null) execute function queue_asked();

create function queue_look_again() returns trigger language plpgsql as $$
begin
  new.look_at := null;
  return new;
end $$;
create trigger queue_open_look_again before update on queue_open
  for each row when (
    new.look_at is not null and new.look_at = old.look_at
    and (new.deadline, new.work, new.category, new.channel) is distinct from (old.deadline, old.work, old.category, old.channel)
  ) execute function queue_look_again();

-- Clocks that no list shows.
create function queue_other_clock() returns trigger language plpgsql as $$
begin
  update queue_open set look_at = null where id = new.id and look_at is not null;
  return null;
end $$;
create trigger dispatch_other_clock after update on dispatch
  for each row when (new.answer_due is distinct from old.answer_due) execute function queue_other_clock();
create trigger complaint_other_clock after update on complaint
  for each row when (new.forward_due is distinct from old.forward_due) execute function queue_other_clock();

update queue_open q
set asked_at = (d.pauses -> -1 ->> 'from')::timestamptz
from dispatch d
where q.work = 'awaiting_citizen' and d.id = q.id and d.pauses -> -1 ->> 'until' is null;
