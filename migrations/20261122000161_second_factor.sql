-- A second factor for staff: the secret of their authenticator app, sealed with a key that is not in the database, and codes for the day the phone is gone.

create table factor (
  staff uuid primary key references staff on delete cascade,
  -- Which key of `vault.keys_file` seals the secret.
  key_id text not null,
  -- ChaCha20-Poly1305: nonce, secret, tag; bound to the account.
  sealed bytea not null,
  made_at timestamptz not null,
  -- Null: shown, not yet proven by a first code; counts for nothing.
  confirmed_at timestamptz,
  -- The 30 s step of the last code that opened: no code opens twice.
  last_step bigint not null default 0
);
comment on table factor is 'Secrets of authenticator apps, sealed; at most one an account.';

create table recovery_code (
  staff uuid not null references staff on delete cascade,
  -- SHA-256 of account and code (80 random bits): the code itself is nowhere.
  hash bytea not null check (octet_length(hash) = 32),
  used_at timestamptz,
  primary key (staff, hash)
);
comment on table recovery_code is 'One-time codes in place of the authenticator app.';

create table half_session (
  -- SHA-256 of what the form of the second step carries.
  token_hash bytea primary key,
  staff uuid not null references staff on delete cascade,
  until timestamptz not null
);
create index half_session_until on half_session (until);
comment on table half_session is 'Who gave the right password and still owes the second factor; minutes.';
