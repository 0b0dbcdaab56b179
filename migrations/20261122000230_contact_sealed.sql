-- Who wrote and how to reach them is sealed with a key that is not here (decision 44). Columns keep their names: what is in them is sealed text
-- (`~key~…`), or a pseudonym (`tel:~key~…`) where statements compare. What is there already is moved by the worker, or by `muara vault seal`.

create table contact_key (
  id text primary key,
  -- Tells another key of the same name. Nothing follows from it about the key.
  proof bytea not null,
  -- Whether this one seals what is written now.
  active boolean not null default false,
  made_at timestamptz not null default now()
);
create unique index contact_key_active on contact_key (active) where active;
comment on table contact_key is 'Keys that rows here are sealed with. The keys themselves are in a file of who runs this: vault.keys_file.';

comment on column citizen.name is 'Sealed.';
alter table citizen_address add column sealed text;
comment on column citizen_address.address is 'A pseudonym; the address itself is sealed beside it. What nobody has sealed yet is the address, and nothing beside it.';
alter table former_address add column sealed text;
comment on column former_address.replaced_by is 'Sealed.';
alter table opt_out add column sealed text;
alter table block add column sealed text;
comment on column connect_try.address is 'A pseudonym.';

comment on column message.sender is 'Sealed: the best address the platform vouched for.';
comment on column message.sender_name is 'Sealed.';
alter table message add column contact_sealed text;
comment on column message.contact is 'Pseudonyms of the addresses that somebody typed in and nobody proved; the addresses are in contact_sealed.';
alter table message add column names text[] not null default '{}';
comment on column message.names is 'What the name is found by: a pseudonym for each of its words.';
create index message_by_names on message using gin (names) where names <> '{}';
comment on column complaint.reply_to is 'A way back: its address is a pseudonym, address and conversation are in `sealed`.';
comment on column reply.reply_to is 'As complaint.reply_to.';

-- Names are marks of their words' pseudonyms. Plain ones only as long as nobody has sealed the name.
create or replace function keep_words(ids uuid[]) returns void language plpgsql as $$
begin
  insert into complaint_words as kept (complaint, words)
  select c.id, strip(to_tsvector('indonesian', left(concat_ws(' ', c.text, c.place, said.texts), 20000))) || array_to_tsvector(marks.list)
  from unnest(ids) as asked (id)
  cross join lateral (select * from complaint where complaint.id = asked.id limit 1) c
  cross join lateral (
    select string_agg(m.text, ' ') filter (where m.text <> c.text) as texts,
      string_agg(m.sender_name, ' ') filter (where not starts_with(m.sender_name, '~')) as names
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
      union all
      select ':n' || name
      from message m
      cross join lateral unnest(m.names) as name
      where m.complaint = c.id and c.visibility in ('public', 'hidden')
    ) as marks (mark)
    where mark is not null
  ) marks
  on conflict (complaint) do update
  set words = excluded.words, kept_at = excluded.kept_at
  where kept.words is distinct from excluded.words;
end $$;

-- Nothing is left to be sealed where nothing is.
insert into setting (name, value)
select 'contact.sealed', 'true'
where not exists (select from citizen) and not exists (select from message) and not exists (select from opt_out);
