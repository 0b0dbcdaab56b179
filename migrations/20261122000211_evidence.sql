-- Evidence at closing: where a photo must be, what a photo says of itself, and a second pair of eyes for some of what is settled.

alter table category add column proof boolean not null default false;
comment on column category.proof is 'Nobody settles a complaint of this category without a photo of the result.';

-- What a photo of the result says, and what speaks against it as proof. It is never said that one is false.
create table closing_photo (
  attachment uuid primary key references attachment,
  complaint uuid not null references complaint,
  agency uuid not null references agency,
  -- As its file says; null: it does not.
  taken_at timestamptz,
  lat double precision,
  lon double precision,
  -- Null: not compared yet.
  judged_at timestamptz,
  -- older: taken before the complaint; same: the photo was there before; far: taken elsewhere.
  doubts text[] not null default '{}' check (doubts <@ array['older', 'same', 'far']),
  -- The complaint that had the same photo.
  same_as uuid references complaint
);
create index closing_photo_to_judge on closing_photo (attachment) where judged_at is null;
create index closing_photo_of on closing_photo (complaint);

-- How photos of the result look, four rows each, as look_part has those of citizens. Kept for good: they are few.
create table closing_look (
  part integer not null,
  attachment uuid not null references attachment,
  complaint uuid not null,
  look bigint not null,
  primary key (part, attachment)
);

-- How many of a hundred things that an agency settles somebody else looks at; agency null: those that have no row of their own.
create table review_rate (
  id bigint generated always as identity primary key,
  agency uuid references agency,
  percent smallint not null check (percent between 0 and 100),
  source text not null,
  valid_from timestamptz not null default now(),
  unique nulls not distinct (agency, valid_from)
);
comment on table review_rate is 'The latest row of an agency that has begun counts. Never changed: another row begins.';
insert into review_rate (agency, percent, source, valid_from) values (null, 10, 'Nilai awal Muara, tanpa dasar peraturan', '2026-01-01');

-- Decides which complaints are looked at, so that nobody chooses and nobody gets another answer by trying again.
insert into setting (name, value)
values ('review_key', to_jsonb(gen_random_uuid()::text || gen_random_uuid()::text))
on conflict (name) do nothing;

create table review (
  dispatch uuid not null references dispatch,
  complaint uuid not null references complaint,
  agency uuid not null references agency,
  -- Which settling of it.
  settled_at timestamptz not null,
  -- contested: its citizen opened it again before; unproven: something speaks against its photo; sample: by the rate.
  reason text not null check (reason in ('contested', 'unproven', 'sample')),
  decided_at timestamptz,
  decided_by uuid references staff,
  outcome text check (outcome in ('confirmed', 'sent_back')),
  words text,
  primary key (dispatch, settled_at),
  check ((decided_at is null) = (outcome is null) and (decided_at is null) = (decided_by is null)),
  check (outcome is distinct from 'sent_back' or words <> '')
);
create index review_open on review (agency, settled_at) where outcome is null;
comment on table review is 'A second pair of eyes: a row for what was settled and is looked at once more.';

create function review_asked(which dispatch) returns text language plpgsql stable as $$
declare
  share integer;
  mark bytea;
begin
  if exists (select from update u where u.complaint = which.complaint and u.kind = 'reopened' and u.actor = 'citizen') then
    return 'contested';
  end if;
  select percent into share
  from review_rate
  where (agency = which.agency or agency is null) and valid_from <= which.settled_at
  order by agency is null, valid_from desc
  limit 1;
  select sha256(convert_to((value #>> '{}') || which.id::text, 'UTF8')) into mark from setting where name = 'review_key';
  if (get_byte(mark, 0) * 65536 + get_byte(mark, 1) * 256 + get_byte(mark, 2)) % 10000 < coalesce(share, 0) * 100 then
    return 'sample';
  end if;
  return null;
end $$;

-- Whoever settles something, by whichever way: nothing of this runs for intake, which settles nothing.
create function review_begins() returns trigger language plpgsql as $$
declare
  asked text := review_asked(new);
begin
  if asked is not null then
    insert into review (dispatch, complaint, agency, settled_at, reason)
    values (new.id, new.complaint, new.agency, new.settled_at, asked)
    on conflict do nothing;
  end if;
  return null;
end $$;
create trigger dispatch_settled_reviewed after update of settled_at on dispatch
  for each row when (old.settled_at is null and new.settled_at is not null)
  execute function review_begins();
