-- What triage has learned from decided complaints, version by version, and history from before this system.

create table learned (
  version bigint generated always as identity primary key,
  made_at timestamptz not null,
  -- How many complaints it was learned from, and how it and the version then in use did on those that were held back.
  complaints integer not null,
  figures jsonb not null,
  model bytea not null,
  in_use boolean not null default false,
  -- When it was last switched on; the way back leads to the one before.
  used_at timestamptz
);
comment on table learned is 'Models of triage. Words of complaints are in them only as hashes; they never leave the installation.';
create unique index learned_in_use on learned (in_use) where in_use;
-- Switching is a change of what routes: every process loads again.
create trigger learned_changes after insert or update or delete or truncate on learned for each statement execute function directory_changed();

create table past (
  source text not null,
  key text not null,
  opened_at timestamptz not null,
  text text not null,
  place text not null default '',
  area text not null default '',
  category text not null default '',
  agency text not null default '',
  primary key (source, key)
);
comment on table past is 'Decided complaints of an earlier system, imported to learn from: nobody is answered for them.';
create index past_by_time on past (opened_at desc);
