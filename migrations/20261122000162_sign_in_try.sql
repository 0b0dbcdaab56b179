-- Tries to sign in that failed, for pauses that grow. What was typed is not here: only hashes.

create table sign_in_try (
  -- SHA-256 of what is counted: a login as it was typed, a browser, an address.
  key bytea primary key check (octet_length(key) = 32),
  -- In a row, the running one included.
  fails integer not null check (fails > 0),
  last_at timestamptz not null,
  -- No try counts before.
  until timestamptz not null
);
create index sign_in_try_last on sign_in_try (last_at);
comment on table sign_in_try is 'Failed tries to sign in; forgotten after a day.';
