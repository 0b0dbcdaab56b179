-- Whose messages are not answered for a while, and where: somebody abused the conversation, and a person with a name and a reason said so.

create table block (
  adapter text not null,
  account text not null,
  -- The best address the platform vouched for.
  address text not null,
  -- Where what they still write is added, and where the history says who blocked them and why.
  complaint uuid not null references complaint,
  since timestamptz not null,
  -- Nobody is shut out for good: the latest of several blocks counts, and one that was taken back ends when it was.
  until timestamptz not null,
  primary key (adapter, account, address)
);
create index block_of_complaint on block (complaint);

alter table update drop constraint update_kind_check;
alter table update add constraint update_kind_check check (kind in ('opened', 'routed', 'to_triage', 'followed_up', 'claimed', 'asked',
  'answered', 'noted', 'handed_over', 'resolved', 'reopened', 'blocked', 'unblocked'));
