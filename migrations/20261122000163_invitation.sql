-- Links with which staff set their own password: for who begins, and for who forgot it.

create table invitation (
  -- SHA-256 of the link's last part: a stolen table opens nothing.
  token_hash bytea primary key,
  staff uuid not null references staff on delete cascade,
  made_by uuid references staff on delete set null,
  made_at timestamptz not null,
  until timestamptz not null
);
create index invitation_of on invitation (staff);
create index invitation_until on invitation (until);
comment on table invitation is 'One-time links to set a password; at most one an account, gone when used or over.';
