-- The red flag: a clock was missed, and a row says so for ever.

create table missed_clock (
  id bigint generated always as identity primary key,
  complaint uuid not null references complaint,
  stage text not null check (stage in ('forward', 'first_answer', 'settle')),
  -- Null: the city's, before it was forwarded.
  agency uuid references agency,
  -- Who held it when it was noticed.
  officer uuid references staff,
  started_at timestamptz not null,
  -- Until when it was, when it was missed.
  due timestamptz not null,
  -- Key of time_limit, without a foreign key as in dispatch.
  time_limit bigint,
  noticed_at timestamptz not null check (noticed_at > due),
  -- When it was met at last, or given away. Null: it is not yet.
  ended_at timestamptz check (ended_at >= noticed_at),
  constraint missed_clock_once unique nulls not distinct (complaint, stage, agency, started_at)
);
create index missed_clock_by_due on missed_clock (due desc, id desc);
create index missed_clock_of_agency on missed_clock (agency, due desc);

create function missed_clock_stays() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'a missed clock stays' using errcode = 'restrict_violation';
  end if;
  if old.ended_at is not null
    or (new.id, new.complaint, new.stage, new.agency, new.officer, new.started_at, new.due, new.time_limit, new.noticed_at)
      is distinct from (old.id, old.complaint, old.stage, old.agency, old.officer, old.started_at, old.due, old.time_limit, old.noticed_at)
  then
    raise exception 'of a missed clock only its end is added, once' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger missed_clock_stays before update or delete on missed_clock for each row execute function missed_clock_stays();
create trigger missed_clock_is_kept before truncate on missed_clock for each statement execute function missed_clock_stays();
comment on table missed_clock is 'Neither an edit nor a hand-over nor a date that moves later takes a row away.';
