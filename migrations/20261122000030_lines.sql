-- Ways in that are there for one thing: an information line, a line for corrections of data. Which one that is are rows.

create table purpose (
  code text primary key check (code ~ '^[a-z][a-z0-9_]*$'),
  name_id text not null,
  name_en text not null,
  -- The category of what comes in there; rules say where that goes.
  category text not null references category,
  -- Whether that holds also where the words speak for another category.
  overrules boolean not null default false
);

create table line (
  adapter text not null,
  account text not null,
  purpose text not null references purpose,
  primary key (adapter, account)
);
comment on table line is 'What an account of ours is there for. An account without a row takes everything.';

create trigger purpose_changes after insert or update or delete or truncate on purpose for each statement execute function directory_changed();
create trigger line_changes after insert or update or delete or truncate on line for each statement execute function directory_changed();
