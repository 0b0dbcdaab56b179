-- Limits by stage, kind, category, channel and agency, with dates and source; a clock for each stage; agencies with their own week.

create table time_limit (
  id bigint generated always as identity primary key,
  stage text not null check (stage in ('forward', 'first_answer', 'settle', 'silence')),
  -- Null in these five: any.
  kind text check (kind in ('complaint', 'information_request', 'aspiration', 'other')),
  category text references category,
  adapter text,
  account text,
  agency uuid references agency,
  amount smallint not null check (amount between 0 and 9999),
  unit text not null check (unit in ('working_days', 'working_hours', 'days', 'hours')),
  source text not null,
  -- The source in English words.
  source_en text,
  -- Whether somebody read the rule's own text.
  verified boolean not null,
  -- For what begins on these days; null: ever since, until further notice.
  valid_from date,
  valid_until date check (valid_until >= valid_from),
  check (account is null or adapter is not null),
  unique nulls not distinct (stage, kind, category, adapter, account, agency, valid_from)
);
comment on table time_limit is 'A limit is never changed or removed: it ends on a day, and another row begins. Clocks that run name the row they began under.';

-- What was written down before: the time until an agency has settled it. `response_limit` is read by the version before; it goes with the next.
insert into time_limit (stage, category, agency, amount, unit, source, verified)
select 'settle', category, agency, working_days, 'working_days', replace(source, ' (belum diverifikasi dari naskah peraturan)', ''),
  source not like '%(belum diverifikasi dari naskah peraturan)'
from response_limit
order by id;

create function limit_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'a limit is not removed: set valid_until to its last day' using errcode = 'restrict_violation';
  end if;
  if (new.id, new.stage, new.kind, new.category, new.adapter, new.account, new.agency, new.amount, new.unit, new.valid_from)
    is distinct from (old.id, old.stage, old.kind, old.category, old.adapter, old.account, old.agency, old.amount, old.unit, old.valid_from)
  then
    raise exception 'a limit is not changed: set valid_until to its last day, and write another one' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger time_limit_stays before update or delete on time_limit for each row execute function limit_stays();
create trigger time_limit_changes after insert or update or delete or truncate on time_limit
  for each statement execute function directory_changed();

-- As `muara agency hours` takes them; null: Monday to Friday, half past seven to four.
alter table agency add column hours text;
-- Works on days off too.
alter table agency add column on_holidays boolean not null default false;

-- The clock of forwarding: key of its limit, until when, and when it was given to an agency.
alter table complaint add column forward_limit bigint;
alter table complaint add column forward_due timestamptz;
alter table complaint add column forwarded_at timestamptz;

-- From when on the agency's time is counted; null: from given_at. `deadline` is counted by settle_limit, without the pauses.
alter table dispatch add column started_at timestamptz;
alter table dispatch add column settle_limit bigint;
alter table dispatch add column answer_limit bigint;
alter table dispatch add column answer_due timestamptz;
alter table dispatch add column answered_at timestamptz;
alter table dispatch add column settled_at timestamptz;
alter table dispatch add column closes_limit bigint;
alter table dispatch add column closes_at timestamptz;
-- While the citizen was asked: [{"from": …, "until": …}], the last one without an end while it lasts.
alter table dispatch add column pauses jsonb not null default '[]';
comment on column dispatch.settle_limit is 'Key of time_limit, without a foreign key: every dispatch of a busy hour would lock the same few rows.';

alter table update drop constraint update_kind_check;
alter table update add constraint update_kind_check check (kind in ('opened', 'routed', 'to_triage', 'followed_up', 'claimed', 'asked',
  'answered', 'noted', 'handed_over', 'resolved', 'reopened', 'blocked', 'unblocked', 'said_same', 'said_other', 'left', 'connected', 'moved'));

-- By which days off the running clocks were counted last, and when: the loop that counts them anew looks here.
create table clock_calendar (
  only_row boolean primary key default true check (only_row),
  mark text not null,
  counted_at timestamptz not null,
  -- Counted once more a while later: what was written meanwhile by a program that had not heard of the change yet.
  twice boolean not null
);
