-- What helps somebody who writes to a citizen: templates, drafts, and who else is at the complaint.

create table answer_template (
  id uuid primary key,
  -- Whose it is; null: everybody's.
  agency uuid references agency,
  name text not null check (char_length(name) between 1 and 60),
  language text not null check (language in ('id', 'en')),
  -- For what is answered through this adapter; null: through any.
  adapter text,
  text text not null check (char_length(text) between 1 and 2000),
  edition integer not null default 1,
  changed_by uuid references staff,
  changed_at timestamptz not null,
  -- Not used any more; kept, because the record of who changed what names it.
  removed_at timestamptz
);
comment on table answer_template is 'Words with variables. Whoever changes one names the edition that they saw.';
create unique index answer_template_name on answer_template (agency, language, adapter, lower(name)) nulls not distinct where removed_at is null;

-- One of each form of a complaint's page, of one person. It may hold what a citizen said, so it goes with the complaint and with the account.
create table draft (
  complaint uuid not null references complaint on delete cascade,
  staff uuid not null references staff on delete cascade,
  form text not null check (form in ('jawab', 'tanya', 'selesai', 'catat', 'alihkan')),
  text text not null check (char_length(text) between 1 and 4000),
  saved_at timestamptz not null,
  primary key (complaint, staff, form)
);
create index draft_of on draft (staff, saved_at);

-- Who has a complaint's page open. Written every few seconds and worth nothing after a minute: it need not survive a crash.
create unlogged table present (
  complaint uuid not null,
  staff uuid not null,
  writing boolean not null,
  seen_at timestamptz not null,
  primary key (complaint, staff)
) with (fillfactor = 50);
create index present_old on present (seen_at);
