-- An agency asks another one without giving anything away; agencies have others below them.

create table consultation (
  id uuid primary key,
  complaint uuid not null references complaint,
  asker uuid not null references agency,
  asked uuid not null references agency check (asked <> asker),
  question text not null,
  asked_by uuid references staff,
  asked_at timestamptz not null,
  due_at timestamptz not null,
  answer text,
  answered_by uuid references staff,
  answered_at timestamptz,
  check ((answer is null) = (answered_at is null))
);
comment on table consultation is 'A question between agencies about a complaint, with its own time. Who is asked may see the complaint.';
create index consultation_of_complaint on consultation (complaint, asked);
create index consultation_open on consultation (asked, due_at, id) where answered_at is null;

-- The agency above: it may pass down to this one, and take back.
alter table agency add column parent uuid references agency check (parent <> id);

-- More kinds of steps, added to whatever kinds there are.
do $$
declare
  known text;
begin
  select string_agg(quote_literal(word[1]), ', ') into known
  from pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') as word
  where c.conname = 'update_kind_check' and c.conrelid = 'update'::regclass;
  alter table update drop constraint update_kind_check;
  execute format('alter table update add constraint update_kind_check check (kind in (%s, ''consulted'', ''advised'', ''shared'', ''passed_down'', ''taken_back''))',
    known);
end $$;
