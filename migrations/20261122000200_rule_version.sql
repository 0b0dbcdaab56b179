-- The rules of routing as versions: the one with the greatest number counts, and none is ever changed. The next one is a draft, written by some and
-- published by somebody else.

create table rule_version (
  number integer primary key check (number > 0),
  at timestamptz not null,
  -- Who published it; null: it came with the directory.
  staff uuid references staff,
  -- Who wrote it, in the order in which they began.
  authors uuid[] not null default '{}',
  note text not null,
  -- The version that this one brings back.
  returns_to integer references rule_version,
  constraint published_by_another check (staff is null or not staff = any(authors))
);
comment on table rule_version is 'What the rules of routing were, and since when. The one with the greatest number counts.';

insert into rule_version (number, at, note)
select 1, now(), 'Aturan sebelum ada versi'
where exists (select from rule);

alter table rule
  add column version integer references rule_version,
  -- Only this kind of message, and only what came by this adapter, or by this account of it. Null: any.
  add column kind text check (kind in ('complaint', 'information_request', 'aspiration', 'other')),
  add column adapter text,
  add column account text,
  add check (account is null or adapter is not null),
  drop constraint rule_category_area_agency_key;
update rule set version = 1;
alter table rule
  alter column version set not null,
  add constraint rule_once unique nulls not distinct (version, category, area, kind, adapter, account, agency);

-- A version is written whole, in one transaction, and stays as it is.
create function rule_stays() returns trigger language plpgsql as $$
begin
  raise exception 'a version of the rules is not changed: publish another one' using errcode = 'restrict_violation';
end $$;
create trigger rule_stays before update or delete or truncate on rule for each statement execute function rule_stays();
create trigger rule_version_stays before update or delete or truncate on rule_version for each statement execute function rule_stays();

create function rule_belongs_to_a_new_version() returns trigger language plpgsql as $$
begin
  if exists (
    select from added
    join rule_version on rule_version.number = added.version
    where rule_version.xmin::text <> (pg_current_xact_id()::text::numeric % 4294967296)::text
  ) then
    raise exception 'a version of the rules is not changed: publish another one' using errcode = 'restrict_violation';
  end if;
  return null;
end $$;
create trigger rule_belongs_to_a_new_version after insert on rule
  referencing new table as added for each statement execute function rule_belongs_to_a_new_version();
create trigger rule_version_changes after insert on rule_version for each statement execute function directory_changed();

-- The next version. At most one row.
create table rule_draft (
  only_row boolean primary key default true check (only_row),
  -- The version it began as; null: none.
  based_on integer references rule_version,
  begun_at timestamptz not null,
  -- Grows with every change: who publishes says which one they read.
  edition bigint not null default 1
);
create table rule_draft_author (
  draft boolean not null default true references rule_draft on delete cascade,
  staff uuid primary key references staff,
  at timestamptz not null
);
create table rule_draft_row (
  id bigint generated always as identity primary key,
  draft boolean not null default true references rule_draft on delete cascade,
  category text references category,
  area text,
  kind text check (kind in ('complaint', 'information_request', 'aspiration', 'other')),
  adapter text,
  account text,
  agency uuid not null references agency,
  despite_ethics boolean not null default false,
  check (account is null or adapter is not null),
  constraint rule_draft_once unique nulls not distinct (category, area, kind, adapter, account, agency)
);
comment on table rule_draft is 'The version of the rules that somebody writes: nothing is routed by it.';
