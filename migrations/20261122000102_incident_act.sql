-- What an agency does with an incident reaches every complaint of it: a work list, so that a kill in the middle loses and repeats nothing.

create table incident_act (
  id uuid primary key,
  -- May be gone by now.
  incident uuid not null,
  at timestamptz not null,
  staff uuid not null references staff,
  kind text not null check (kind in ('claim', 'answer', 'resolve', 'note')),
  text text,
  state text not null default 'due' check (state in ('due', 'done')),
  due_at timestamptz not null,
  attempts integer not null default 0,
  lease_until timestamptz
);
create index incident_act_due on incident_act (due_at) where state = 'due';
create index incident_act_of on incident_act (incident, at desc);

create table incident_act_on (
  act uuid not null references incident_act,
  complaint uuid not null references complaint,
  -- Null: still to be done. Else `done`, or why the rules refused it.
  outcome text,
  primary key (act, complaint)
);
create index incident_act_left on incident_act_on (act, complaint) where outcome is null;

create trigger incident_act_wakes after insert on incident_act
  referencing new table as added for each statement execute function work_appeared();
