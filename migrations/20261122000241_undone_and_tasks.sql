-- Steps that are taken back, and tasks of bodies without accounts: more kinds, added to whatever kinds there are.

do $$
declare
  known text;
begin
  select string_agg(quote_literal(word[1]), ', ') into known
  from pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') as word
  where c.conname = 'update_kind_check' and c.conrelid = 'update'::regclass;
  alter table update drop constraint update_kind_check;
  execute format('alter table update add constraint update_kind_check check (kind in (%s, ''undone'', ''entrusted'', ''reported'', ''recalled''))', known);
end $$;
