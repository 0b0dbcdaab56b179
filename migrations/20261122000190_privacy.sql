-- Five grades of privacy, who may see what is confidential, and who asked who wrote something.

alter table complaint drop constraint complaint_visibility_check;
alter table complaint add constraint complaint_visibility_check
  check (visibility in ('public', 'hidden', 'secret', 'confidential', 'sealed'));

-- One kind of step more, whatever the others are.
do $$
declare
  kinds text := (select pg_get_constraintdef(oid) from pg_constraint where conname = 'update_kind_check');
begin
  alter table update drop constraint update_kind_check;
  execute 'alter table update add constraint update_kind_check ' || replace(kinds, 'ARRAY[', 'ARRAY[''regraded''::text, ');
end $$;

alter table agency add column inspectorate boolean not null default false;
comment on column agency.inspectorate is 'Looks into breaches of duty: what is confidential is given to it and to no other agency.';

alter table staff add column confidential boolean not null default false;
comment on column staff.confidential is 'Named for what is confidential; counts for who routes, and for who works at an inspectorate: sees_confidential.';

-- Which rows of this grade somebody sees who sees rows at all. The rule of every list, count and search.
create function shown(visibility text, confided boolean) returns boolean language sql immutable parallel safe as $$
  select visibility in ('public', 'hidden', 'secret') or confided
$$;

-- Whether this account sees what is confidential. As long as nobody is named, the admins do: it is never nobody's.
create function sees_confidential(who staff) returns boolean language sql stable as $$
  select (who.confidential and (who.role in ('triage', 'admin') or exists (select from agency a where a.id = who.agency and a.inspectorate)))
    or (who.role = 'admin' and not exists (
      select from staff s
      where s.active and s.confidential
        and (s.role in ('triage', 'admin') or exists (select from agency a where a.id = s.agency and a.inspectorate))
    ))
$$;

create table unmasking (
  complaint uuid not null references complaint,
  staff uuid not null references staff,
  until timestamptz not null,
  primary key (complaint, staff)
);
comment on table unmasking is 'Who asked who wrote a complaint, and until when they are shown it. Why they asked is in audit.';

-- Who wrote in secret is found by no name: the marks :s are gone.
create or replace function keep_words(ids uuid[]) returns void language plpgsql as $$
begin
  insert into complaint_words as kept (complaint, words)
  select c.id, strip(to_tsvector('indonesian', left(concat_ws(' ', c.text, c.place, said.texts), 20000))) || array_to_tsvector(marks.list)
  from unnest(ids) as asked (id)
  cross join lateral (select * from complaint where complaint.id = asked.id limit 1) c
  cross join lateral (
    select string_agg(m.text, ' ') filter (where m.text <> c.text) as texts, string_agg(m.sender_name, ' ') as names
    from message m
    where m.complaint = c.id
  ) said
  cross join lateral (
    select array_agg(distinct mark) as list
    from (
      select unnest(array[
        ':d' || floor(extract(epoch from c.opened_at) / 86400)::int, ':p' || floor(extract(epoch from c.opened_at) / 2419200)::int,
        ':c' || c.category, ':k' || c.adapter || ' ' || c.account, ':o' || c.account, ':v' || c.visibility, case when c.danger then ':x' end,
        ':a' || left(c.area, 4), ':a' || left(c.area, 7), ':a' || c.area
      ])
      union all
      select ':g' || d.agency from dispatch d where d.complaint = c.id
      union all
      select ':n' || left(name, 40)
      from regexp_split_to_table(lower(said.names), '[^[:alnum:]]+') as name
      where name <> '' and c.visibility in ('public', 'hidden')
    ) as marks (mark)
    where mark is not null
  ) marks
  on conflict (complaint) do update
  set words = excluded.words, kept_at = excluded.kept_at
  where kept.words is distinct from excluded.words;
end $$;

-- What spoke of a breach of duty was secret and waited for a person: now it is confidential.
update complaint
set visibility = 'confidential'
where visibility = 'secret'
  and jsonb_array_length(coalesce(why -> 'ethics', '[]')) > 0
  and not exists (select from dispatch where dispatch.complaint = complaint.id);

select keep_words(array(select id from complaint where visibility in ('secret', 'confidential')));
