-- How long what is kept, who must not be removed, and what was removed: dated rules, holds, tombstones.

create table retention_rule (
  id bigint generated always as identity primary key,
  -- Of a closed complaint: who wrote (`contact`), what was written (`words`), files (`files`). By age alone: why staff looked (`reasons`), requests of
  -- citizens that are done (`requests`).
  data text not null check (data in ('contact', 'words', 'files', 'reasons', 'requests')),
  -- Null in these two: any.
  category text references category,
  kind text check (kind in ('complaint', 'information_request', 'aspiration', 'other')),
  days integer not null check (days between 1 and 36500),
  source text not null,
  -- Whether somebody read the rule's own text.
  verified boolean not null,
  -- What is removed on these days is removed by it; null: ever since, until further notice.
  valid_from date,
  valid_until date check (valid_until >= valid_from),
  check (data in ('contact', 'words', 'files') or (category is null and kind is null)),
  unique nulls not distinct (data, category, kind, valid_from)
);
comment on table retention_rule is 'A rule is never changed or removed: it ends on a day, and another row begins. Tombstones name the row they were written by.';

create function retention_rule_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'a rule is not removed: set valid_until to its last day' using errcode = 'restrict_violation';
  end if;
  if (new.id, new.data, new.category, new.kind, new.days, new.valid_from)
    is distinct from (old.id, old.data, old.category, old.kind, old.days, old.valid_from)
  then
    raise exception 'a rule is not changed: set valid_until to its last day, and write another one' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger retention_rule_stays before update or delete on retention_rule for each row execute function retention_rule_stays();

-- Starting rows, from no regulation: long, so that nothing goes that somebody may still have to account for.
insert into retention_rule (data, days, source, verified) values
  ('contact', 1825, 'Baris awal, tidak dari peraturan: lima tahun setelah selesai', false),
  ('files', 1825, 'Baris awal, tidak dari peraturan: lima tahun setelah selesai', false),
  ('words', 3650, 'Baris awal, tidak dari peraturan: sepuluh tahun setelah selesai', false),
  ('reasons', 1825, 'Baris awal, tidak dari peraturan: lima tahun', false),
  ('requests', 1825, 'Baris awal, tidak dari peraturan: lima tahun setelah dijawab', false);

create table hold (
  id uuid primary key,
  complaint uuid not null references complaint,
  reason text not null check (reason <> ''),
  placed_by uuid not null references staff,
  placed_at timestamptz not null,
  ended_by uuid references staff,
  ended_at timestamptz check (ended_at >= placed_at),
  check ((ended_by is null) = (ended_at is null))
);
create unique index hold_of_complaint on hold (complaint) where ended_at is null;
comment on table hold is 'Of a complaint under a hold nothing is removed, whoever asks: a case at a court, an audit.';

create table removed (
  complaint uuid not null references complaint on delete cascade,
  data text not null check (data in ('contact', 'words', 'files')),
  at timestamptz not null,
  -- By one of the two.
  rule bigint references retention_rule,
  request uuid,
  primary key (complaint, data),
  check ((rule is null) <> (request is null))
);
comment on table removed is 'Tombstones: what of a complaint was removed, when, and by which rule or whose request.';

create table removed_count (
  day date not null,
  rule bigint not null references retention_rule,
  n bigint not null check (n > 0),
  primary key (day, rule)
);
comment on table removed_count is 'Tombstones of what belongs to no complaint: how many, by which rule.';

create table removed_file (
  key text primary key,
  since timestamptz not null
);
comment on table removed_file is 'Names in storage that no row has any more: a work list. A line goes when the file is gone.';

-- The reason that somebody gave for an entry of the audit, beside the chain: it may name people, and goes with what it is about. The entry has the
-- SHA-256 of salt and words, by which they can be held to it as long as they are here.
create table audit_reason (
  -- Of `audit`, which nothing is removed from: without a foreign key, so that its own triggers say so.
  entry uuid primary key,
  -- Each complaint that the entry is about.
  complaints uuid[] not null,
  salt bytea not null check (octet_length(salt) = 16),
  words text not null
);
create index audit_reason_of on audit_reason using gin (complaints);
create index audit_about on audit (subject, number);

-- The latest thing that anybody did about a complaint: what its time to be kept is counted from.
create function rests_since(which complaint) returns timestamptz language sql stable as $$
  select greatest(which.changed_at, (select max(u.at) from update u where u.complaint = which.id),
    (select max(m.recorded_at) from message m where m.complaint = which.id))
$$;

-- Why nothing of a complaint may be removed, in one word; null: it may.
create function keeps(which complaint) returns text language sql stable as $$
  select case
    when exists (select from hold where hold.complaint = which.id and hold.ended_at is null) then 'hold'
    when which.status <> 'resolved' or which.referee = 'asked'
      or exists (select from dispatch d where d.complaint = which.id and d.work not in ('done', 'handed_over')) then 'open'
    -- Its citizen may still say that it is not settled.
    when exists (select from dispatch d where d.complaint = which.id and d.work = 'done' and d.closes_at is not null and d.closed_at is null) then 'silence'
    when exists (select from review r where r.complaint = which.id and r.decided_at is null and r.reason = 'contested') then 'contested'
    when exists (select from unreached u where u.complaint = which.id and u.done_at is null) then 'unreached'
    when exists (select from reply r where r.complaint = which.id and r.state = 'due')
      or exists (select from attachment a left join message m on m.id = a.message where a.state = 'due' and coalesce(a.complaint, m.complaint) = which.id)
      then 'under_way'
  end
$$;

-- What of which complaint is older than its rule allows, the oldest first, and what keeps it. The rule that says most counts: one for the category before
-- one for any, then one for the kind, then the one that began last.
create function retention_due(now timestamptz)
  returns table (complaint uuid, reference text, opened_at timestamptz, data text, rule bigint, keeps text)
  language sql stable as $$
  select c.id, c.reference, c.opened_at, part.data, counts.id, keeps(c)
  from complaint c
  cross join unnest(array['contact', 'words', 'files']) as part (data)
  cross join lateral (
    select r.id, make_interval(days => r.days) as long
    from retention_rule r
    where r.data = part.data
      and (r.category is null or r.category = c.category)
      and (r.kind is null or r.kind = c.why ->> 'kind')
      and (r.valid_from is null or r.valid_from <= (now at time zone 'UTC')::date)
      and (r.valid_until is null or r.valid_until >= (now at time zone 'UTC')::date)
    order by r.category is null, r.kind is null, r.valid_from desc nulls last
    limit 1
  ) counts
  cross join lateral (select rests_since(c) as since offset 0) rests
  where c.status = 'resolved'
    and c.opened_at < now - counts.long
    and rests.since < now - counts.long
    and not exists (select from removed d where d.complaint = c.id and d.data = part.data and d.at >= rests.since)
$$;

-- The rule of data that belongs to no complaint.
create function retention_rule_of(which text, now timestamptz) returns retention_rule language sql stable as $$
  select r
  from retention_rule r
  where r.data = which
    and r.category is null
    and r.kind is null
    and (r.valid_from is null or r.valid_from <= (now at time zone 'UTC')::date)
    and (r.valid_until is null or r.valid_until >= (now at time zone 'UTC')::date)
  order by r.valid_from desc nulls last
  limit 1
$$;
