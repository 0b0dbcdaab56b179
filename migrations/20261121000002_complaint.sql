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
  last_seen timestamptz not null,
  -- The citizen asked for silence here.
  opted_out_at timestamptz
);
comment on table citizen_address is 'Addresses a platform vouched for. What somebody typed into a form is message.contact.';
create index citizen_address_citizen on citizen_address (citizen);

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
  trace text not null,
  version integer not null,
  constraint complaint_reference_key unique (reference),
  constraint complaint_tracking_key unique (tracking),
  check ((lat is null) = (lon is null))
);
comment on constraint complaint_reference_key on complaint is 'A number taken by chance makes the door''s next turn: see Reference::of.';
create index complaint_of_citizen on complaint (citizen, changed_at desc);
create index complaint_in_triage on complaint (opened_at, id) where status = 'received';
create index complaint_by_time on complaint (opened_at desc, id desc);

create table message (
  id uuid primary key,
  adapter text not null,
  account text not null,
  platform_id text not null,
  citizen uuid not null references citizen,
  -- Null: nothing we could read, so no complaint was opened.
  complaint uuid references complaint deferrable initially deferred,
  sender_name text,
  contact text[] not null default '{}',
  audience text not null check (audience in ('private', 'public')),
  text text not null,
  lat double precision,
  lon double precision,
  thread text,
  in_reply_to text,
  replaces text,
  unreadable text,
  sent_at timestamptz not null,
  received_at timestamptz not null,
  recorded_at timestamptz not null,
  trace text not null,
  constraint message_key unique (adapter, account, platform_id)
);
comment on constraint message_key on message is 'A message is recorded once, for ever: a redelivery is known by it.';
create index message_of_complaint on message (complaint, sent_at);
create index message_of_thread on message (adapter, account, thread) where thread is not null;

create table attachment (
  id uuid primary key,
  -- Exactly one of the two: a citizen sent it, or staff added it.
  message uuid references message,
  complaint uuid references complaint deferrable initially deferred,
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
  attempts smallint not null default 0,
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
  complaint uuid not null references complaint deferrable initially deferred,
  at timestamptz not null,
  actor text not null check (actor in ('system', 'citizen', 'staff')),
  staff uuid,
  agency uuid references agency,
  kind text not null check (kind in ('opened', 'routed', 'to_triage', 'followed_up', 'claimed', 'asked', 'answered', 'noted',
    'handed_over', 'resolved', 'reopened')),
  text text,
  to_agencies uuid[] not null default '{}',
  message uuid references message deferrable initially deferred,
  attachment uuid references attachment,
  check ((actor = 'staff') = (staff is not null))
);
create index update_of_complaint on update (complaint, at, id);

create table dispatch (
  id uuid primary key,
  complaint uuid not null references complaint deferrable initially deferred,
  agency uuid not null references agency,
  -- How far the agency is.
  work text not null check (work in ('open', 'in_progress', 'awaiting_citizen', 'done', 'handed_over')),
  officer uuid,
  given_at timestamptz not null,
  deadline timestamptz not null,
  -- How far the sending is: the work list of `dispatch::agencies`.
  state text not null default 'due' check (state in ('due', 'delivered', 'refused')),
  due_at timestamptz not null,
  attempts smallint not null default 0,
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
  complaint uuid references complaint deferrable initially deferred,
  kind text not null,
  cause uuid not null,
  adapter text not null,
  account text not null,
  reply_to jsonb not null,
  language text not null check (language in ('id', 'en')),
  facts jsonb not null,
  -- The words as they were handed to the bus.
  text text,
  created_at timestamptz not null,
  trace text not null,
  -- The work list of `dispatch::replies`.
  state text not null default 'due' check (state in ('due', 'published', 'withheld')),
  due_at timestamptz not null,
  attempts smallint not null default 0,
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

-- Wakes the loops and the live pages. Payload: which row; the listener reads it.
create function muara_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify(tg_argv[0], coalesce(new.complaint::text, ''));
  return null;
end $$;
create trigger update_wakes after insert on update for each row execute function muara_notify('complaint');
