-- Bodies without accounts, as an agency knows them, and what they are asked to do. They get a link that opens one task.

create table body (
  id uuid primary key,
  -- Whose list it is in.
  agency uuid not null references agency,
  kind text not null check (kind in ('rt', 'rw', 'village', 'community', 'volunteer')),
  -- The body's, not a person's: it stands in histories.
  name text not null check (char_length(name) between 1 and 80),
  -- Null: the link is handed on by who gives the task.
  email text check (length(email) between 3 and 254),
  made_by uuid references staff,
  made_at timestamptz not null,
  removed_at timestamptz
);
create unique index body_name on body (agency, lower(name)) where removed_at is null;

create table task (
  id uuid primary key,
  complaint uuid not null references complaint on delete cascade,
  body uuid not null references body,
  -- Who gave it, and stays responsible.
  agency uuid not null references agency,
  given_by uuid references staff,
  given_at timestamptz not null,
  words text not null check (char_length(words) between 1 and 2000),
  -- Whether the body sees the citizen's photos: copies without place and time.
  photos boolean not null,
  due_at timestamptz not null,
  expires_at timestamptz not null,
  -- Taken back.
  ended_at timestamptz,
  -- When the link was first opened.
  opened_at timestamptz,
  -- What the body said last.
  said text check (said in ('working', 'done', 'not_ours')),
  said_at timestamptz,
  check ((said is null) = (said_at is null)),
  check (expires_at > given_at)
);
create index task_of_complaint on task (complaint, given_at);

-- Ways in: the hash of a code of 128 random bits. A mail that is tried again brings another one.
create table task_link (
  hash bytea primary key check (octet_length(hash) = 32),
  task uuid not null references task on delete cascade,
  made_at timestamptz not null
);
create index task_link_of on task_link (task);

create table task_mail (
  task uuid primary key references task on delete cascade,
  email text not null,
  state text not null check (state in ('due', 'delivered', 'refused')),
  due_at timestamptz not null,
  lease_until timestamptz,
  attempts integer not null default 0,
  error text
);
create index task_mail_due on task_mail (due_at) where state = 'due';
