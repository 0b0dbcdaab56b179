-- Where earlier complaints about the same thing are looked for: a few short keys of each complaint, made by triage from its words and place.

create table likeness (
  key bigint not null,
  -- Ids sort by time: the latest complaints with a key are at the end of its stretch.
  complaint uuid not null,
  primary key (key, complaint)
);
comment on table likeness is 'A few dozen of the latest are read for each key, so that looking costs the same whatever is stored. Old ones may be deleted. No foreign key: complaints are not deleted, and asking for each key would cost more than the key.';
