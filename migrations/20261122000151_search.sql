-- What complaints are searched by: the stems of their words, and beside them, each with a colon before it, what narrows a search: who has it, where,
-- what about, by which channel, and when, so that the index alone finds what is both asked for and theirs to see.

create extension if not exists pg_trgm;

create table complaint_words (
  complaint uuid primary key,
  kept_at timestamptz not null default now(),
  words tsvector not null
);
comment on table complaint_words is 'Derived: keep_words makes it whenever a complaint is written. docs/data.md says what each mark means.';
create index complaint_words_found on complaint_words using gin (words) with (gin_pending_list_limit = 1024);
create index complaint_words_lately on complaint_words using brin (kept_at) with (pages_per_range = 16);

create table known_word (
  word text primary key
);
comment on table known_word is 'Stems that occur in complaints, letters only: who mistypes one is led to the right one.';
create index known_word_like on known_word using gin (word gin_trgm_ops);
create index known_word_begins on known_word (word text_pattern_ops);

-- Makes what these complaints are searched by. One look into an index for each, also while PostgreSQL has not counted the rows yet.
create function keep_words(ids uuid[]) returns void language plpgsql as $$
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
      select case when c.visibility = 'secret' then ':s' else ':n' end || left(name, 40)
      from regexp_split_to_table(lower(said.names), '[^[:alnum:]]+') as name
      where name <> ''
    ) as marks (mark)
    where mark is not null
  ) marks
  on conflict (complaint) do update
  set words = excluded.words, kept_at = excluded.kept_at
  where kept.words is distinct from excluded.words;
end $$;

select keep_words(array(select id from complaint));
insert into known_word
select distinct word from complaint_words, unnest(tsvector_to_array(words)) as word where word ~ '^[a-z]{3,30}$';

-- A number is found by its beginning, whatever order the database's language has. The code goes along, so that its index stays behind the number's: of two
-- that are taken, the number is the one that is told.
alter table complaint alter column reference type text collate "C", alter column tracking type text collate "C";
