-- "Continue in another channel": codes from a citizen's page, and who tried wrong ones.

create table connect_code (
  -- SHA-256; the code itself is nowhere.
  hash bytea primary key check (octet_length(hash) = 32),
  complaint uuid not null references complaint,
  made_at timestamptz not null,
  until timestamptz not null,
  -- Set when it was used, or when everybody could read it.
  used_at timestamptz
);
create index connect_code_of on connect_code (complaint);
create index connect_code_until on connect_code (until);
comment on table connect_code is 'One-time codes with which a citizen goes on in another channel; forgotten a day after they ended.';

create table connect_try (
  id uuid primary key,
  address text not null,
  at timestamptz not null
);
create index connect_try_of on connect_try (address, at);
create index connect_try_at on connect_try (at);
comment on table connect_try is 'Codes that did not count, by sender: after a few within an hour none counts. Forgotten after a day.';

alter table update drop constraint update_kind_check;
alter table update add constraint update_kind_check check (kind in ('opened', 'routed', 'to_triage', 'followed_up', 'claimed', 'asked',
  'answered', 'noted', 'handed_over', 'resolved', 'reopened', 'blocked', 'unblocked', 'said_same', 'said_other', 'left', 'connected'));
