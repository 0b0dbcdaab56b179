-- Agencies that are asked about a complaint find it too: a mark of their own, so that a list of what an agency has stays a list of what it has.
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
      select ':q' || k.asked from consultation k where k.complaint = c.id
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

select keep_words(array(select distinct complaint from consultation));
