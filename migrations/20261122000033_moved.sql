-- Citizens change numbers. What they had stays with them as history, and no longer tells who writes: numbers get other owners.

create table former_address (
  address text not null,
  citizen uuid not null references citizen,
  first_seen timestamptz not null,
  -- When the platform said that it moved.
  until timestamptz not null,
  -- The best address that came instead.
  replaced_by text not null,
  primary key (citizen, address, until)
);
