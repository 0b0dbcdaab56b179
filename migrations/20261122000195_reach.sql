-- What becomes of a reply that did not arrive: it goes on by another way of the same citizen, and at the end a person tells them.

alter table reply add column climbed_at timestamptz;
comment on column reply.climbed_at is 'When it was seen that this reply failed, and what follows was written. What failed before this was known stays where staff saw it.';
update reply set climbed_at = receipt_at where receipt = 'failed';
create index reply_to_climb on reply (receipt_at) where receipt = 'failed' and climbed_at is null;

-- One rung each: what was tried for the first reply, in order, and why.
create table reply_rung (
  first uuid not null references reply,
  number smallint not null check (number > 0),
  way text not null check (way in ('same', 'template', 'written', 'telephone', 'mail', 'office', 'staff', 'silence')),
  -- What was sent on it; none at the end.
  reply uuid references reply,
  -- Why this rung, in a word of ours …
  reason text not null,
  -- … and what the platform said of the one before.
  detail text,
  at timestamptz not null,
  primary key (first, number),
  constraint reply_rung_reply unique (reply),
  check ((reply is null) = (way in ('office', 'staff', 'silence')))
);

-- A reply that reached nobody: an open task, until somebody has told the citizen or they write again.
create table unreached (
  first uuid primary key references reply,
  complaint uuid not null references complaint,
  -- Whether an office took the complaint in and can be given the list.
  desk boolean not null,
  opened_at timestamptz not null,
  done_at timestamptz,
  -- How they were told: by_telephone, by_letter, at_office, at_home; or `wrote`: they wrote again.
  how text check (how in ('telephone', 'letter', 'office', 'home', 'wrote')),
  done_by uuid references staff,
  check ((done_at is null) = (how is null)),
  check ((done_by is not null) = (how is not null and how <> 'wrote'))
);
create index unreached_open on unreached (complaint, opened_at) where done_at is null;

-- Whoever writes again can be answered again.
create function citizen_wrote() returns trigger language plpgsql as $$
begin
  if exists (select from added where actor = 'citizen' and kind <> 'opened') then
    update unreached
    set done_at = wrote.at, how = 'wrote'
    from (select complaint, max(at) as at from added where actor = 'citizen' and kind <> 'opened' group by complaint) as wrote
    where unreached.complaint = wrote.complaint
      and unreached.done_at is null;
  end if;
  return null;
end $$;
create trigger update_reaches after insert on update
  referencing new table as added for each statement execute function citizen_wrote();

alter table channel add column reaches text[] not null default '{}' check (reaches <@ array['tel', 'mailto']);
comment on column channel.reaches is 'Kinds of addresses to which this channel may write first, without having been written to there: for replies that failed elsewhere.';
