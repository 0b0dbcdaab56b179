-- Lists that staff keep by name: their own, or for everybody of their agency. What is kept is an address, nothing that was found there.

create table saved_view (
  id uuid primary key,
  -- Who keeps it; of a shared one, who made it.
  staff uuid not null references staff,
  -- Shared with everybody of this agency; without one, with everybody who works for no agency.
  agency uuid references agency,
  shared boolean not null,
  name text not null check (char_length(name) between 1 and 60),
  address text not null check (address like '/antrean?%' and char_length(address) <= 500),
  made_at timestamptz not null,
  check (shared or agency is null)
);
create index saved_view_of on saved_view (staff);
create index saved_view_of_agency on saved_view (agency) where shared;
