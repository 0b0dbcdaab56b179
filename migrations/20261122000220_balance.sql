-- The balance of each day: that everything said yes to is somewhere, as rows that stay (docs/decisions/0041).

-- One row a day and adapter: that somebody looked, and when.
create table balance (
  day date not null,
  adapter text not null,
  looked_at timestamptz not null,
  -- How long the look took, in milliseconds.
  took bigint not null,
  primary key (day, adapter)
);

-- The terms of its three equations. Of the door the account is empty: what was not read has none.
create table balance_sum (
  day date not null,
  adapter text not null,
  part text not null check (part in ('door', 'message', 'reply')),
  account text not null default '',
  state text not null check (state in ('done', 'again', 'parked', 'dropped', 'under_way', 'task', 'went_on', 'refused', 'withheld', 'unknown',
    'unproven', 'missing')),
  count bigint not null check (count > 0),
  primary key (day, adapter, part, account, state),
  foreign key (day, adapter) references balance on delete cascade
);

-- What is nowhere, by name. A row stays when the thing is found later: then it says when.
create table balance_missing (
  id bigint generated always as identity primary key,
  day date not null,
  adapter text not null,
  account text,
  kind text not null check (kind in ('number', 'raw', 'message', 'reply', 'acknowledgement')),
  -- The same on every look: a door's number, the hash of a message's key, the id of a reply or of a complaint.
  name text not null,
  -- Where it was last seen. Never a citizen's words or address.
  seen text not null,
  trace text,
  noticed_at timestamptz not null,
  found_at timestamptz,
  constraint balance_missing_once unique (day, adapter, kind, name)
);
create index balance_missing_open on balance_missing (noticed_at) where found_at is null;

-- What each door took on a day, as ranges: from where the next day goes on, and what RAW may forget.
create table balance_door (
  door text not null,
  day date not null,
  adapter text not null,
  last bigint not null,
  proven int8multirange not null,
  primary key (door, day)
);

-- Who looks now, so that in a cluster one process does.
create table balance_turn (
  one boolean primary key default true check (one),
  until timestamptz not null
);

-- What a person gave up, by its name: it is not missing.
create table parked_dropped (
  name text primary key,
  adapter text not null,
  dropped_at timestamptz not null
);
