-- The thing in the world that several complaints are about. Each complaint keeps its number, its way back and its privacy.

create table incident (
  id uuid primary key,
  -- The complaint that speaks for it: its first one, or the oldest that is left.
  lead uuid not null references complaint,
  category text references category,
  area text,
  place text,
  opened_at timestamptz not null,
  -- Closed: dealt with. Nothing joins it by itself any more.
  state text not null check (state in ('open', 'closed'))
);
create index incident_by_time on incident (opened_at desc, id desc);

create table incident_member (
  -- A complaint is about one thing at most.
  complaint uuid primary key references complaint,
  incident uuid not null references incident deferrable initially deferred,
  how text not null check (how in ('automatic', 'staff', 'citizen')),
  -- How likely it was thought to be; null for the first one.
  percent smallint check (percent between 0 and 100),
  reasons jsonb not null default '[]',
  staff uuid references staff,
  joined_at timestamptz not null,
  check ((how = 'staff') = (staff is not null))
);
create index incident_member_of on incident_member (incident, joined_at, complaint);

create table suggestion (
  -- The later complaint, and the earlier one that may be about the same thing.
  complaint uuid not null references complaint,
  other uuid not null references complaint,
  percent smallint not null check (percent between 0 and 100),
  reasons jsonb not null default '[]',
  suggested_at timestamptz not null,
  state text not null check (state in ('open', 'later', 'joined', 'different')),
  staff uuid references staff,
  decided_at timestamptz,
  primary key (complaint, other),
  check (complaint <> other)
);
comment on table suggestion is 'Pairs for a person to decide. What was decided is what the next model is learned from.';
create index suggestion_waiting on suggestion (suggested_at desc, complaint, other) where state in ('open', 'later');
create index suggestion_of_other on suggestion (other);
create index suggestion_decided on suggestion (decided_at desc) where state in ('joined', 'different');

-- Everything that was done to incidents, with the rows before and after: the way back restores exactly those.
create table incident_step (
  id uuid primary key,
  at timestamptz not null,
  actor text not null check (actor in ('system', 'citizen', 'staff')),
  staff uuid references staff,
  kind text not null check (kind in ('joined', 'different', 'later', 'split', 'undone')),
  -- What it is about: an incident that may be gone by now, and the complaints whose rows changed.
  incident uuid,
  complaints uuid[] not null,
  change jsonb not null,
  -- The step that this one takes back.
  undoes uuid unique references incident_step,
  check ((actor = 'staff') = (staff is not null)),
  check ((kind = 'undone') = (undoes is not null))
);
create index incident_step_of on incident_step (incident, at desc) where incident is not null;
create index incident_step_about on incident_step using gin (complaints);
