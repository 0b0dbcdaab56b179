-- What lies just across a border: who would have it there sees it too. Written from the complaint's own reasons, once, when they change.
create table near_border (
  id uuid primary key default gen_random_uuid(),
  complaint uuid not null references complaint on delete cascade,
  agency uuid not null references agency,
  -- Code of the area beside it.
  area text not null,
  unique (complaint, agency)
);
comment on table near_border is 'Complaints near the border of another area, and who would have them there. They see them and are not answerable.';
create index near_border_of_agency on near_border (agency, complaint);

create function note_near_border() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    delete from near_border where complaint = new.id;
  end if;
  insert into near_border (complaint, agency, area)
  select new.id, agency::uuid, min(near ->> 'area')
  from jsonb_array_elements(coalesce(new.why -> 'near', '[]')) as near, jsonb_array_elements_text(near -> 'agencies') as agency
  group by agency;
  return null;
end $$;
create trigger near_border_of_new after insert on complaint for each row when (new.why ? 'near') execute function note_near_border();
create trigger near_border_of_changed after update of why on complaint for each row
  when ((new.why -> 'near') is distinct from (old.why -> 'near')) execute function note_near_border();

-- Another kind of step, added to whatever kinds there are.
do $$
declare
  known text;
begin
  select string_agg(quote_literal(word[1]), ', ') into known
  from pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') as word
  where c.conname = 'update_kind_check' and c.conrelid = 'update'::regclass;
  alter table update drop constraint update_kind_check;
  execute format('alter table update add constraint update_kind_check check (kind in (%s, ''pin_moved''))', known);
end $$;
