-- What platforms say of our accounts: a template was paused, the quality fell. The newest of a subject counts.

create table notice (
  adapter text not null,
  account text not null,
  subject text not null,
  state text not null check (state in ('fine', 'watch', 'broken')),
  word text not null,
  detail text not null,
  at timestamptz not null,
  primary key (adapter, account, subject)
);
