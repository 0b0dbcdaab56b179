-- Exactly one answers for an open complaint: the responsible agency, the desk that looks for one, or the referee. The other agencies help.

alter table dispatch add column responsible boolean not null default false;
comment on column dispatch.responsible is 'Answers for the whole complaint; the other dispatches of it help.';
-- How often an agency said "not ours".
alter table complaint add column refusals smallint not null default 0 check (refusals >= 0);
-- asked: the referee has it; placed: the referee said whose it is, and nobody else passes it on.
alter table complaint add column referee text not null default 'never' check (referee in ('never', 'asked', 'placed'));
create index complaint_at_referee on complaint (id) where referee = 'asked';

-- What is open already: who got it first answers for it. Nothing moves in the lists.
alter table dispatch disable trigger dispatch_moved;
update dispatch
set responsible = true
where id in (
  select distinct on (complaint) id
  from dispatch
  where work in ('open', 'in_progress', 'awaiting_citizen')
  order by complaint, given_at, id
);
alter table dispatch enable trigger dispatch_moved;

-- Never two.
create unique index dispatch_responsible on dispatch (complaint) where responsible;
alter table dispatch add constraint dispatch_given_away_is_not_responsible check (not responsible or work <> 'handed_over');

-- Never none, looked at when a transaction commits. A new dispatch that is responsible needs no look, so that intake pays for none.
create function one_owner(which uuid) returns void language plpgsql as $$
declare
  owners integer;
  is_open boolean;
begin
  select c.status <> 'resolved',
    (select count(*) from dispatch d where d.complaint = c.id and d.responsible and d.work in ('open', 'in_progress', 'awaiting_citizen'))
      + (c.referee = 'asked')::integer + (c.status = 'received' and c.referee <> 'asked')::integer
  into is_open, owners
  from complaint c
  where c.id = which;
  if found and owners <> is_open::integer then
    raise exception 'complaint % has % owners', which, owners using errcode = 'check_violation', constraint = 'one_owner';
  end if;
end $$;
comment on function one_owner(uuid) is 'Refuses a complaint that is open and has no owner or several, or is resolved and has one.';

create function dispatch_has_one_owner() returns trigger language plpgsql as $$
begin
  perform one_owner(case tg_op when 'DELETE' then old.complaint else new.complaint end);
  return null;
end $$;
create constraint trigger dispatch_given after insert on dispatch deferrable initially deferred for each row
  when (not new.responsible and new.work in ('open', 'in_progress', 'awaiting_citizen'))
  execute function dispatch_has_one_owner();
create constraint trigger dispatch_owner_moved after update of work, responsible on dispatch deferrable initially deferred for each row
  when ((old.work, old.responsible) is distinct from (new.work, new.responsible))
  execute function dispatch_has_one_owner();
create constraint trigger dispatch_gone after delete on dispatch deferrable initially deferred for each row
  when (old.responsible)
  execute function dispatch_has_one_owner();

create function complaint_has_one_owner() returns trigger language plpgsql as $$
begin
  perform one_owner(new.id);
  return null;
end $$;
create constraint trigger complaint_owner_moved after update of status, referee on complaint deferrable initially deferred for each row
  when ((old.status, old.referee) is distinct from (new.status, new.referee))
  execute function complaint_has_one_owner();

alter table update drop constraint update_kind_check;
alter table update add constraint update_kind_check check (kind in ('opened', 'routed', 'to_triage', 'followed_up', 'claimed', 'asked',
  'answered', 'noted', 'handed_over', 'to_referee', 'placed', 'led', 'resolved', 'reopened', 'blocked',
  'unblocked', 'said_same', 'said_other', 'left', 'connected', 'moved'));
