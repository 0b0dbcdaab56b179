-- Passkeys of staff: the public half of a key that somebody's phone, computer or security key keeps, and who is on the way of making or using one.

create table staff_passkey (
  id uuid primary key,
  staff uuid not null references staff on delete cascade,
  -- What its owner calls it.
  name text not null check (length(name) between 1 and 60),
  -- By which a device names it; no two accounts share one.
  credential_id bytea not null unique check (octet_length(credential_id) between 1 and 1023),
  -- Public key, counter and flags, as the library `webauthn-rs` writes them. Nothing secret: the private half never leaves the device.
  credential jsonb not null,
  -- The host name it was made for: under another one no device offers it.
  rp_id text not null check (length(rp_id) between 1 and 253),
  added_at timestamptz not null,
  used_at timestamptz,
  -- When its counter last stood still or went back: somebody may have a copy.
  doubted_at timestamptz
);
create index staff_passkey_staff on staff_passkey (staff);
comment on table staff_passkey is 'Passkeys: each opens an account alone, because the device asks its owner first.';

create table passkey_try (
  -- SHA-256 of the cookie of the browser that began: a stolen table finishes nothing.
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  -- Who adds a passkey; null: somebody signs in.
  staff uuid references staff on delete cascade,
  -- What the new passkey will be called.
  name text check (length(name) between 1 and 60),
  -- The challenge and what was asked for with it, as the library writes them.
  state jsonb not null,
  begun_at timestamptz not null,
  check ((staff is null) = (name is null))
);
create index passkey_try_age on passkey_try (begun_at);
comment on table passkey_try is 'A device is being asked for a passkey. Used once, for five minutes.';
