-- What the city has written down about itself: areas, agencies, categories, rules, limits, holidays, channels.

create table area (
  code text primary key check (code ~ '^[0-9]{2}([0-9]{2}([0-9]{3}([0-9]{3})?)?)?$'),
  name text not null,
  -- A GeoJSON geometry in WGS 84, simplified; null where only the name is known.
  outline text
);
comment on column area.code is 'BPS code: two digits a province, four a regency or city, seven a kecamatan, ten a kelurahan.';

create table agency (
  id uuid primary key,
  code text not null unique,
  name text not null,
  -- How the agency hears of a complaint, besides its queue here.
  send_kind text not null default 'queue' check (send_kind in ('queue', 'email', 'open311', 'webhook', 'blackhole')),
  -- An e-mail address or an address on the web, by send_kind.
  send_target text,
  -- Key of the signature or of the API, by send_kind.
  send_secret text,
  active boolean not null default true
);

create table category (
  code text primary key check (code ~ '^[a-z][a-z0-9_]*$'),
  name_id text not null,
  name_en text not null,
  keywords text[] not null default '{}',
  position integer not null default 0,
  active boolean not null default true
);

create table rule (
  id bigint generated always as identity primary key,
  category text references category,
  area text,
  agency uuid not null references agency,
  unique nulls not distinct (category, area, agency)
);
comment on column rule.area is 'Applies where the area''s code begins so.';

create table response_limit (
  id bigint generated always as identity primary key,
  category text references category,
  agency uuid references agency,
  working_days smallint not null check (working_days between 0 and 366),
  source text not null,
  unique nulls not distinct (category, agency)
);

create table holiday (
  day date primary key,
  name text not null,
  source text not null
);

create table channel (
  id uuid primary key,
  adapter text not null check (adapter ~ '^[a-z][a-z0-9_]*$'),
  account text not null,
  label text not null,
  area text references area,
  valid_from date not null,
  valid_until date check (valid_until >= valid_from),
  unique (adapter, account, valid_from)
);
comment on table channel is 'An official way in. Next year''s list is other rows, not other code.';

-- Single values that the roles share: the site's name, the time zone, keys.
create table setting (
  name text primary key,
  value jsonb not null
);

-- Grows with every change of the directory, in the same transaction: every process asks for this number and loads again when it moved.
create table directory_version (
  only_row boolean primary key default true check (only_row),
  version bigint not null
);
insert into directory_version (version) values (1);

create function directory_changed() returns trigger language plpgsql as $$
begin
  update directory_version set version = version + 1;
  return null;
end $$;
create trigger area_changes after insert or update or delete or truncate on area for each statement execute function directory_changed();
create trigger agency_changes after insert or update or delete or truncate on agency for each statement execute function directory_changed();
create trigger category_changes after insert or update or delete or truncate on category for each statement execute function directory_changed();
create trigger rule_changes after insert or update or delete or truncate on rule for each statement execute function directory_changed();
create trigger limit_changes after insert or update or delete or truncate on response_limit for each statement execute function directory_changed();
create trigger holiday_changes after insert or update or delete or truncate on holiday for each statement execute function directory_changed();
create trigger channel_changes after insert or update or delete or truncate on channel for each statement execute function directory_changed();
