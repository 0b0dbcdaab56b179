-- Tokens for desk and import that were given out end with the sessions of their owner.

create table ended_token (
  staff uuid primary key references staff on delete cascade,
  -- Tokens of an earlier one open nothing.
  generation integer not null check (generation > 0),
  ended_at timestamptz not null default now()
);
comment on table ended_token is 'Whose tokens were ended, by an account that was closed, a new password, a changed second factor. Doors hear of it for a day: longer no token lasts.';

create trigger ended_token_changes after insert or update or delete or truncate on ended_token
  for each statement execute function directory_changed();
