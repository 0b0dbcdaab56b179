-- What citizens ask about their own data: a copy, or that it be erased. Each has an owner and a clock.

create table citizen_request (
  id uuid primary key,
  kind text not null check (kind in ('copy', 'erase')),
  -- The complaint it was asked at, or that was named with its code; null: somebody who proved an address, which is not kept here.
  complaint uuid references complaint,
  -- On the complaint's own page, or of a person who takes requests.
  asked_on text not null check (asked_on in ('page', 'person')),
  asked_at timestamptz not null,
  due_at timestamptz not null check (due_at >= asked_at),
  -- How they proved who they are, in the words of who took it; null: by the code of the page.
  proof text,
  state text not null check (state in ('open', 'accepted', 'done', 'refused')),
  -- Who has it; null: whoever looks after data.
  taken_by uuid references staff,
  decided_by uuid references staff,
  decided_at timestamptz,
  -- Why not, in words for the citizen.
  refusal text,
  -- What became of it: complaints that were erased or copied, and those that had to stay.
  complaints integer,
  kept integer,
  done_at timestamptz,
  -- Until when the copy can be fetched on the page.
  copy_until timestamptz,
  check ((state = 'refused') = (refusal is not null)),
  check ((state = 'open') = (decided_at is null)),
  check (asked_on = 'page' or proof is not null),
  check (asked_on = 'person' or complaint is not null)
);
create unique index citizen_request_open on citizen_request (complaint, kind) where state in ('open', 'accepted') and complaint is not null;
create index citizen_request_due on citizen_request (due_at) where state in ('open', 'accepted');
comment on table citizen_request is 'A tombstone of what was asked and done, without name and address.';
