-- Who works here: accounts, sessions, and what they did.

create table staff (
  id uuid primary key,
  login text not null unique check (login = lower(login)),
  name text not null,
  role text not null check (role in ('clerk', 'triage', 'officer', 'supervisor', 'admin')),
  agency uuid references agency,
  -- Account of the desk channel whose office a clerk sits in.
  office text,
  -- Argon2id, PHC string.
  password text not null,
  language text not null default 'id' check (language in ('id', 'en')),
  active boolean not null default true,
  created_at timestamptz not null,
  check ((role in ('officer', 'supervisor')) = (agency is not null)),
  check (role <> 'clerk' or office is not null)
);
alter table update add foreign key (staff) references staff;
alter table dispatch add foreign key (officer) references staff;

create table session (
  -- SHA-256 of the cookie's value: a stolen table opens nothing.
  token_hash bytea primary key,
  staff uuid not null references staff on delete cascade,
  csrf text not null,
  created_at timestamptz not null,
  last_seen timestamptz not null,
  expires_at timestamptz not null
);
create index session_expiry on session (expires_at);

create table audit (
  id uuid primary key,
  at timestamptz not null,
  staff uuid references staff,
  action text not null,
  subject text not null,
  detail jsonb not null default '{}'
);
create index audit_by_time on audit (at desc, id desc);
