-- What the staff's lists are read from: one narrow row for each complaint with each agency, beside what narrows a list. What is still to be done
-- is a table of its own: it stays small, whatever is stored. Both are derived, by triggers: whoever writes `complaint` or `dispatch` need not know.

create table queue_open (
  -- The dispatch's; in triage, the complaint's.
  id uuid primary key,
  complaint uuid not null,
  -- Null: in triage.
  agency uuid,
  officer uuid,
  work text not null check (work in ('triage', 'open', 'in_progress', 'awaiting_citizen')),
  deadline timestamptz,
  opened_at timestamptz not null,
  category text,
  area text,
  -- Adapter and account in one.
  channel text not null,
  account text not null,
  danger boolean not null,
  visibility text not null,
  check ((work = 'triage') = (agency is null)),
  check ((work = 'triage') = (deadline is null))
);
comment on table queue_open is 'Derived from complaint and dispatch by triggers: what somebody still has to do.';
create index queue_open_of_agency on queue_open (agency, deadline, id) where work <> 'triage';
create index queue_open_by_deadline on queue_open (deadline, id) where work <> 'triage';
create index queue_open_of_officer on queue_open (officer, deadline, id) where officer is not null;
create index queue_open_in_triage on queue_open ((not danger), opened_at, id) where work = 'triage';
create index queue_open_of_complaint on queue_open (complaint);

create table queue_done (
  id uuid primary key,
  complaint uuid not null,
  agency uuid not null,
  given_at timestamptz not null,
  opened_at timestamptz not null,
  category text,
  area text,
  channel text not null,
  account text not null,
  danger boolean not null,
  visibility text not null
);
comment on table queue_done is 'Derived from complaint and dispatch by triggers: what agencies finished or handed on.';
create index queue_done_of_agency on queue_done (agency, given_at desc, id desc) include (opened_at);
create index queue_done_by_time on queue_done (given_at desc, id desc) include (opened_at);
create index queue_done_by_age on queue_done (opened_at) include (agency);
create index queue_done_of_category on queue_done (category, given_at desc, id desc);
create index queue_done_of_area on queue_done (area, given_at desc, id desc);
create index queue_done_of_district on queue_done ((left(area, 7)), given_at desc, id desc);
create index queue_done_of_channel on queue_done (channel, given_at desc, id desc);
create index queue_done_in_danger on queue_done (given_at desc, id desc) where danger;
create index queue_done_not_public on queue_done (visibility, given_at desc, id desc) where visibility <> 'public';
create index queue_done_of_complaint on queue_done (complaint);

-- How many are done, as differences: whoever finishes something adds a row and waits for nobody; now and then the rows are summed up.
create table queue_done_count (
  agency uuid not null,
  category text,
  area text,
  channel text not null,
  account text not null,
  danger boolean not null,
  visibility text not null,
  n bigint not null
);
comment on table queue_done_count is 'The sum of n is how many rows queue_done has of the kind.';
create index queue_done_count_of_agency on queue_done_count (agency);

create function queue_done_counted() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into queue_done_count
    select agency, category, area, channel, account, danger, visibility, -count(*) from gone group by 1, 2, 3, 4, 5, 6, 7;
  end if;
  if tg_op <> 'DELETE' then
    insert into queue_done_count
    select agency, category, area, channel, account, danger, visibility, count(*) from added group by 1, 2, 3, 4, 5, 6, 7;
  end if;
  return null;
end $$;
create trigger queue_done_more after insert on queue_done
  referencing new table as added for each statement execute function queue_done_counted();
create trigger queue_done_other after update on queue_done
  referencing old table as gone new table as added for each statement execute function queue_done_counted();
create trigger queue_done_less after delete on queue_done
  referencing old table as gone for each statement execute function queue_done_counted();

-- A dispatch that is new. One look into the complaints for each, also while PostgreSQL has not counted the rows yet.
create function queue_got_dispatch() returns trigger language plpgsql as $$
begin
  insert into queue_open (id, complaint, agency, officer, work, deadline, opened_at, category, area, channel, account, danger, visibility)
  select d.id, d.complaint, d.agency, d.officer, d.work, d.deadline, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account,
    c.account, c.danger, c.visibility
  from added d
  cross join lateral (select * from complaint where complaint.id = d.complaint limit 1) c
  where d.work in ('open', 'in_progress', 'awaiting_citizen');
  insert into queue_done (id, complaint, agency, given_at, opened_at, category, area, channel, account, danger, visibility)
  select d.id, d.complaint, d.agency, d.given_at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account, c.account, c.danger,
    c.visibility
  from added d
  cross join lateral (select * from complaint where complaint.id = d.complaint limit 1) c
  where d.work in ('done', 'handed_over');
  return null;
end $$;
create trigger dispatch_queued after insert on dispatch
  referencing new table as added for each statement execute function queue_got_dispatch();

-- A dispatch that moved. Only its own row is touched, and of that only what comes from the dispatch: somebody else may be moving another one.
create function queue_moved_dispatch() returns trigger language plpgsql as $$
declare
  moved uuid[];
begin
  moved := array(
    select a.id from added a join gone g on g.id = a.id
    where (a.work, a.officer, a.deadline, a.given_at, a.agency) is distinct from (g.work, g.officer, g.deadline, g.given_at, g.agency)
  );
  -- Most of what changes in a dispatch is how far its sending is.
  if cardinality(moved) = 0 then
    return null;
  end if;
  insert into queue_open (id, complaint, agency, officer, work, deadline, opened_at, category, area, channel, account, danger, visibility)
  select d.id, d.complaint, d.agency, d.officer, d.work, d.deadline, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account,
    c.account, c.danger, c.visibility
  from added d
  cross join lateral (select * from complaint where complaint.id = d.complaint limit 1) c
  where d.id = any(moved) and d.work in ('open', 'in_progress', 'awaiting_citizen')
  on conflict (id) do update
  set agency = excluded.agency, officer = excluded.officer, work = excluded.work, deadline = excluded.deadline;
  delete from queue_done where id in (select id from added where id = any(moved) and work in ('open', 'in_progress', 'awaiting_citizen'));
  delete from queue_open where id in (select id from added where id = any(moved) and work in ('done', 'handed_over'));
  insert into queue_done (id, complaint, agency, given_at, opened_at, category, area, channel, account, danger, visibility)
  select d.id, d.complaint, d.agency, d.given_at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account, c.account, c.danger,
    c.visibility
  from added d
  cross join lateral (select * from complaint where complaint.id = d.complaint limit 1) c
  where d.id = any(moved) and d.work in ('done', 'handed_over')
  on conflict (id) do update
  set agency = excluded.agency, given_at = excluded.given_at;
  return null;
end $$;
create trigger dispatch_moved after update on dispatch
  referencing old table as gone new table as added for each statement execute function queue_moved_dispatch();

create function queue_got_complaint() returns trigger language plpgsql as $$
begin
  insert into queue_open (id, complaint, work, opened_at, category, area, channel, account, danger, visibility)
  select id, id, 'triage', opened_at, category, area, adapter || ' ' || account, account, danger, visibility
  from added
  where status = 'received';
  return null;
end $$;
create trigger complaint_queued after insert on complaint
  referencing new table as added for each statement execute function queue_got_complaint();

create function queue_moved_complaint() returns trigger language plpgsql as $$
declare
  changed uuid[];
begin
  changed := array(
    select a.id from added a join gone g on g.id = a.id
    where (a.category, a.area, a.danger, a.visibility, a.opened_at, a.adapter, a.account)
      is distinct from (g.category, g.area, g.danger, g.visibility, g.opened_at, g.adapter, g.account)
  );
  if cardinality(changed) > 0 then
    update queue_open q
    set opened_at = c.opened_at, category = c.category, area = c.area, channel = c.adapter || ' ' || c.account, account = c.account,
      danger = c.danger, visibility = c.visibility
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
  insert into queue_open (id, complaint, work, opened_at, category, area, channel, account, danger, visibility)
  select a.id, a.id, 'triage', a.opened_at, a.category, a.area, a.adapter || ' ' || a.account, a.account, a.danger, a.visibility
  from added a
  join gone g on g.id = a.id
  where g.status <> 'received' and a.status = 'received';
  return null;
end $$;
create trigger complaint_moved after update on complaint
  referencing old table as gone new table as added for each statement execute function queue_moved_complaint();

-- What is there already.
insert into queue_open (id, complaint, agency, officer, work, deadline, opened_at, category, area, channel, account, danger, visibility)
select d.id, d.complaint, d.agency, d.officer, d.work, d.deadline, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account, c.account,
  c.danger, c.visibility
from dispatch d
join complaint c on c.id = d.complaint
where d.work in ('open', 'in_progress', 'awaiting_citizen');
insert into queue_open (id, complaint, work, opened_at, category, area, channel, account, danger, visibility)
select id, id, 'triage', opened_at, category, area, adapter || ' ' || account, account, danger, visibility
from complaint
where status = 'received';
insert into queue_done (id, complaint, agency, given_at, opened_at, category, area, channel, account, danger, visibility)
select d.id, d.complaint, d.agency, d.given_at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account, c.account, c.danger, c.visibility
from dispatch d
join complaint c on c.id = d.complaint
where d.work in ('done', 'handed_over');

-- The lists were read by these.
drop index dispatch_queue;
drop index dispatch_of_officer;
drop index dispatch_done;
drop index dispatch_done_by_time;
drop index complaint_in_triage;
