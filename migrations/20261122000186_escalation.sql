-- Who is told when a clock ends, before, and after: rules as dated rows, who sits where, what was done, and the mails that say so.

create table escalation_rule (
  id bigint generated always as identity primary key,
  stage text not null check (stage in ('forward', 'first_answer', 'settle')),
  -- Null in these four: any.
  agency uuid references agency,
  category text references category,
  adapter text,
  account text,
  moment text not null check (moment in ('before', 'at', 'after')),
  amount smallint check (amount between 1 and 999),
  unit text check (unit in ('working_days', 'working_hours', 'days', 'hours')),
  post text not null check (post in ('officer', 'supervisor', 'head', 'secretary')),
  way text not null check (way in ('mail', 'list')),
  source text not null,
  source_en text,
  -- Whether somebody read the rule's own text.
  verified boolean not null,
  -- For moments on these days; null: ever since, until further notice.
  valid_from date,
  valid_until date check (valid_until >= valid_from),
  check (account is null or adapter is not null),
  check ((moment = 'at') = (amount is null)),
  check ((amount is null) = (unit is null)),
  unique nulls not distinct (stage, agency, category, adapter, account, moment, amount, unit, post, valid_from)
);
comment on table escalation_rule is 'Never changed or removed: a rule ends on a day, and another one begins.';

create function escalation_rule_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'a rule is not removed: set valid_until to its last day' using errcode = 'restrict_violation';
  end if;
  if (new.id, new.stage, new.agency, new.category, new.adapter, new.account, new.moment, new.amount, new.unit, new.post, new.way, new.valid_from)
    is distinct from
    (old.id, old.stage, old.agency, old.category, old.adapter, old.account, old.moment, old.amount, old.unit, old.post, old.way, old.valid_from)
  then
    raise exception 'a rule is not changed: set valid_until to its last day, and write another one' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger escalation_rule_stays before update or delete on escalation_rule for each row execute function escalation_rule_stays();

-- After a rule began, everything that is open is looked at once more, page by page: up to where that is done. No row: nothing to do.
create table escalation_sweep (
  only_row boolean primary key default true check (only_row),
  after uuid not null
);
create function escalation_rule_began() returns trigger language plpgsql as $$
begin
  insert into escalation_sweep (after) values ('00000000-0000-0000-0000-000000000000')
  on conflict (only_row) do update set after = excluded.after;
  return null;
end $$;
create trigger escalation_rule_began after insert on escalation_rule for each statement execute function escalation_rule_began();

-- Starting rows, from no rule's own text but the last one (the press on Jakarta's). They hold for what falls due from this day on: a city that
-- brings years of old complaints along is not flooded.
insert into escalation_rule (stage, moment, amount, unit, post, way, source, source_en, verified, valid_from)
values
  ('forward', 'at', null, null, 'officer', 'mail', 'Nilai awal Muara, tanpa dasar peraturan', 'Starting value of Muara, from no regulation', false, '2026-11-23'),
  ('forward', 'after', 1, 'working_days', 'secretary', 'mail', 'Nilai awal Muara, tanpa dasar peraturan', 'Starting value of Muara, from no regulation', false, '2026-11-23'),
  ('first_answer', 'at', null, null, 'supervisor', 'mail', 'Nilai awal Muara, tanpa dasar peraturan', 'Starting value of Muara, from no regulation', false, '2026-11-23'),
  ('settle', 'before', 1, 'working_days', 'officer', 'mail', 'Nilai awal Muara, tanpa dasar peraturan', 'Starting value of Muara, from no regulation', false, '2026-11-23'),
  ('settle', 'at', null, null, 'supervisor', 'mail', 'Nilai awal Muara, tanpa dasar peraturan', 'Starting value of Muara, from no regulation', false, '2026-11-23'),
  ('settle', 'after', 3, 'working_days', 'head', 'mail', 'Nilai awal Muara, tanpa dasar peraturan', 'Starting value of Muara, from no regulation', false, '2026-11-23'),
  ('settle', 'after', 6, 'days', 'secretary', 'mail', 'Bendera merah setelah enam hari (Jakarta, menurut pers 2025)', 'Red flag after six days (Jakarta, according to the press, 2025)', false, '2026-11-23');

-- Where staff are written to. Accounts themselves have no address.
create table staff_mail (
  staff uuid primary key references staff on delete cascade,
  email text not null check (length(email) between 3 and 254)
);

-- Posts of people without an account. Kept when they end: who was told then stays known.
create table post_holder (
  id bigint generated always as identity primary key,
  post text not null check (post in ('head', 'secretary')),
  agency uuid references agency,
  name text not null check (length(name) between 1 and 200),
  email text not null check (length(email) between 3 and 254),
  valid_from date not null,
  valid_until date check (valid_until >= valid_from),
  check ((post = 'head') = (agency is not null))
);
create index post_holder_of on post_holder (agency, post);

-- One row for each time a rule came to somebody: once for each complaint, stage, rule and clock.
create table escalation (
  id uuid primary key,
  complaint uuid not null references complaint,
  stage text not null check (stage in ('forward', 'first_answer', 'settle')),
  rule bigint not null references escalation_rule,
  -- Null: the city's.
  agency uuid references agency,
  -- When the clock began: with complaint, stage and agency its name.
  started_at timestamptz not null,
  due timestamptz not null,
  at timestamptz not null,
  asked text not null check (asked in ('officer', 'supervisor', 'head', 'secretary')),
  -- Who was there: the post asked for, or the next one up with somebody. Null: nobody at all.
  reached text check (reached in ('officer', 'supervisor', 'head', 'secretary', 'admin')),
  constraint escalation_once unique nulls not distinct (complaint, stage, rule, agency, started_at)
);
create index escalation_by_time on escalation (at desc, id desc);

create table escalation_mail (
  id bigint generated always as identity primary key,
  escalation uuid not null references escalation,
  staff uuid references staff,
  email text not null,
  state text not null check (state in ('due', 'delivered', 'refused')),
  due_at timestamptz not null,
  lease_until timestamptz,
  attempts integer not null default 0,
  error text
);
create index escalation_mail_due on escalation_mail (due_at) where state = 'due';
create index escalation_mail_of on escalation_mail (escalation);
create index escalation_mail_refused on escalation_mail (due_at) where state = 'refused';

-- Two more kinds of steps, added to whatever kinds there are.
do $$
declare
  known text;
begin
  select string_agg(quote_literal(word[1]), ', ') into known
  from pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') as word
  where c.conname = 'update_kind_check' and c.conrelid = 'update'::regclass;
  alter table update drop constraint update_kind_check;
  execute format('alter table update add constraint update_kind_check check (kind in (%s, ''escalated'', ''closed''))', known);
end $$;
