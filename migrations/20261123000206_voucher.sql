-- Whose addresses an adapter may vouch for: what its key can say of senders ends there.

create table voucher (
  adapter text primary key check (adapter ~ '^[a-z][a-z0-9_]*$'),
  -- Kinds of addresses beside its own, whose word is its name; and whether it may name another channel to answer by, for a contact that it was told.
  schemes text[] not null default '{}',
  elsewhere boolean not null default false
);
comment on table voucher is 'Kinds of addresses that an adapter may vouch for beside its own. An adapter without a row: its own kind alone.';

-- The programs that come along. A program of your own: `muara channel vouches`.
insert into voucher (adapter, schemes, elsewhere) values
  ('whatsapp', '{tel}', false),
  ('sms', '{tel}', false),
  ('email', '{mailto}', false),
  ('rtrw', '{group}', false),
  -- A clerk writes down how the citizen wants to be answered.
  ('desk', '{}', true);

create trigger voucher_changes after insert or update or delete or truncate on voucher for each statement execute function directory_changed();
