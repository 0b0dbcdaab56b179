-- The road of a complaint: citizen, message, complaint, update, dispatch, reply.

create table citizen (
  id uuid primary key,
  name text,
  language text not null default 'id' check (language in ('id', 'en')),
  created_at timestamptz not null
);

create table citizen_address (
  address text primary key,
  citizen uuid not null references citizen,
  first_seen timestamptz not null,
  -- To the day: telephone numbers change hands.
  last_seen timestamptz not null
);
comment on table citizen_address is 'Addresses a platform vouched for. What somebody typed into a form is message.contact.';
create index citizen_address_citizen on citizen_address (citizen);

create table opt_out (
  address text primary key,
  at timestamptz not null
);
comment on table opt_out is 'Addresses where somebody asked for silence: replies to them are withheld.';

create table complaint (
  id uuid primary key,
  reference text not null,
  tracking text not null,
  citizen uuid not null references citizen,
  adapter text not null,
  account text not null,
  text text not null,
  category text references category,
  area text,
  place text,
  lat double precision check (lat between -90 and 90),
  lon double precision check (lon between -180 and 180),
  visibility text not null check (visibility in ('public', 'hidden', 'secret')),
  language text not null check (language in ('id', 'en')),
  reply_to jsonb,
  status text not null check (status in ('received', 'forwarded', 'in_progress', 'awaiting_citizen', 'resolved')),
  opened_at timestamptz not null,
  changed_at timestamptz not null,
  -- The latest deadline of an agency that still has to act.
  deadline timestamptz,
  why jsonb not null,
  -- The text spoke of danger: first in triage.
  danger boolean not null generated always as (jsonb_array_length(coalesce(why -> 'danger', '[]')) > 0) stored,
  trace text not null,
  version integer not null,
  constraint complaint_reference_key unique (reference),
  constraint complaint_tracking_key unique (tracking),
  check ((lat is null) = (lon is null))
);
comment on constraint complaint_reference_key on complaint is 'A number taken by chance makes the door''s next turn: see Reference::of.';
create index complaint_of_citizen on complaint (citizen, opened_at desc);
create index complaint_awaiting on complaint (citizen) where status = 'awaiting_citizen';
create index complaint_in_triage on complaint ((not danger), opened_at, id) where status = 'received';
create index complaint_by_time on complaint (opened_at desc, id desc);

create table message (
  id uuid primary key,
  adapter text not null,
  account text not null,
  platform_id text not null,
  citizen uuid not null references citizen,
  -- Null: nothing we could read, so no complaint was opened. Checked at the end of the transaction: a complaint's history names the
  -- message, and the message its complaint.
  complaint uuid references complaint deferrable initially deferred,
  -- The best address the platform vouched for.
  sender text not null,
  sender_name text,
  -- Addresses that somebody typed in and nobody proved.
  contact text[] not null default '{}',
  audience text not null check (audience in ('private', 'public')),
  text text not null,
  lat double precision,
  lon double precision,
  place text,
  thread text,
  in_reply_to text,
  -- Platform's id of the message that this one edits.
  replaces text,
  -- What the platform called something we cannot read.
  unreadable text,
  -- What was too long and where it was cut, for staff.
  cut text,
  -- The platform's time, never later than the door's.
  sent_at timestamptz not null,
  received_at timestamptz not null,
  recorded_at timestamptz not null,
  trace text not null,
  constraint message_key unique (adapter, account, platform_id)
);
comment on constraint message_key on message is 'A message is recorded once, for ever: a redelivery is known by it.';
create index message_of_complaint on message (complaint, sent_at);
create index message_of_citizen on message (citizen, sent_at desc);
create index message_of_thread on message (citizen, thread) where thread is not null;

create table attachment (
  id uuid primary key,
  -- Exactly one of the two: a citizen sent it, or staff added it.
  message uuid references message,
  complaint uuid references complaint,
  position smallint not null default 0,
  kind text not null check (kind in ('image', 'video', 'audio', 'voice', 'document', 'sticker')),
  -- As the platform named it; `media_type` is what the bytes are.
  claimed_type text,
  media_type text,
  filename text,
  bytes bigint,
  sha256 text,
  width integer,
  height integer,
  -- Work list of `intake::promote`.
  state text not null check (state in ('due', 'kept', 'refused', 'missing')),
  due_at timestamptz not null,
  attempts integer not null default 0,
  lease_until timestamptz,
  -- Name in quarantine, until it is promoted.
  blob text,
  -- Names in long-term storage: as it came, and without location metadata.
  original_key text,
  public_key text,
  reason text,
  check ((message is null) <> (complaint is null))
);
create index attachment_due on attachment (due_at) where state = 'due';
create index attachment_of_message on attachment (message) where message is not null;
create index attachment_of_complaint on attachment (complaint) where complaint is not null;
create index attachment_by_hash on attachment (sha256) where sha256 is not null;

create table update (
  id uuid primary key,
  complaint uuid not null references complaint,
  at timestamptz not null,
  actor text not null check (actor in ('system', 'citizen', 'staff')),
  staff uuid,
  agency uuid references agency,
  kind text not null check (kind in ('opened', 'routed', 'to_triage', 'followed_up', 'claimed', 'asked', 'answered', 'noted',
    'handed_over', 'resolved', 'reopened')),
  text text,
  to_agencies uuid[] not null default '{}',
  message uuid references message,
  attachment uuid references attachment,
  check ((actor = 'staff') = (staff is not null))
);
create index update_of_complaint on update (complaint, at, id);

create table dispatch (
  id uuid primary key,
  complaint uuid not null references complaint,
  agency uuid not null references agency,
  -- How far the agency is.
  work text not null check (work in ('open', 'in_progress', 'awaiting_citizen', 'done', 'handed_over')),
  officer uuid,
  given_at timestamptz not null,
  deadline timestamptz not null,
  -- How far the sending is: the work list of `dispatch::agencies`.
  state text not null default 'due' check (state in ('due', 'delivered', 'refused')),
  due_at timestamptz not null,
  attempts integer not null default 0,
  lease_until timestamptz,
  agency_reference text,
  error text,
  constraint dispatch_once unique (complaint, agency)
);
comment on constraint dispatch_once on dispatch is 'An agency has a complaint once; given back to it, the same dispatch opens again.';
create index dispatch_due on dispatch (due_at) where state = 'due';
create index dispatch_queue on dispatch (agency, deadline, id) where work in ('open', 'in_progress', 'awaiting_citizen');
create index dispatch_of_officer on dispatch (officer, deadline, id) where work in ('open', 'in_progress', 'awaiting_citizen');
create index dispatch_done on dispatch (agency, given_at desc, id desc) where work in ('done', 'handed_over');

create table reply (
  id uuid primary key,
  -- Null: an answer to something that opened no complaint.
  complaint uuid references complaint,
  kind text not null,
  cause uuid not null,
  adapter text not null,
  account text not null,
  reply_to jsonb not null,
  language text not null check (language in ('id', 'en')),
  facts jsonb not null,
  -- The words as they were handed to the bus, and when.
  text text,
  published_at timestamptz,
  created_at timestamptz not null,
  trace text not null,
  -- The work list of `dispatch::replies`.
  state text not null default 'due' check (state in ('due', 'published', 'withheld')),
  due_at timestamptz not null,
  attempts integer not null default 0,
  lease_until timestamptz,
  -- What the platform said became of it: ReceiptState and its rank.
  receipt text check (receipt in ('sent', 'delivered', 'read', 'failed')),
  receipt_rank smallint not null default 0,
  receipt_at timestamptz,
  platform_id text,
  error text,
  constraint reply_once unique nulls not distinct (complaint, kind, cause)
);
comment on constraint reply_once on reply is 'One cause is answered once.';
create index reply_due on reply (due_at) where state = 'due';
create index reply_by_platform_id on reply (adapter, account, platform_id) where platform_id is not null;
create index reply_failed on reply (created_at desc) where receipt = 'failed';

-- Wakes the live pages: the complaints whose history grew, some two hundred ids to a notification (a payload ends at 8,000 bytes).
-- Once a statement and not once a row: a batch of intake writes hundreds of updates.
create function complaints_grew() returns trigger language plpgsql as $$
begin
  perform pg_notify('complaint', string_agg(complaint::text, ','))
  from (
    select complaint, (row_number() over () - 1) / 200 as chunk
    from (select distinct complaint from added) as grown
  ) as numbered
  group by chunk;
  return null;
end $$;
create trigger update_wakes after insert on update
  referencing new table as added for each statement execute function complaints_grew();

-- Wakes the loops: which work list has something due. They look by themselves too, now and then.
create function work_appeared() returns trigger language plpgsql as $$
begin
  if exists (select from added where state = 'due') then
    perform pg_notify('work', tg_table_name);
  end if;
  return null;
end $$;
create trigger attachment_wakes after insert on attachment
  referencing new table as added for each statement execute function work_appeared();
create trigger dispatch_wakes after insert on dispatch
  referencing new table as added for each statement execute function work_appeared();
create trigger reply_wakes after insert on reply
  referencing new table as added for each statement execute function work_appeared();
