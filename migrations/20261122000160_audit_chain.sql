-- The audit as a chain: every entry carries the hash of the one before and of its own words, so that what is altered afterwards shows.

alter table audit
  add column number bigint,
  add column previous bytea,
  add column hash bytea;

-- The end of the chain. Whoever adds an entry locks this row, at the very end of their transaction: see `audit_link`.
create table audit_chain (
  one boolean primary key default true check (one),
  number bigint not null,
  hash bytea not null check (octet_length(hash) = 32)
);
insert into audit_chain (number, hash) values (0, decode(repeat('00', 32), 'hex'));
comment on table audit_chain is 'Number and hash of the latest entry of the audit; 0 and zeros before the first.';

-- What is hashed: eight fields, each as its length in bytes, a colon, the field and a line end; "-" and a line end where it is null.
create function audit_words(number bigint, previous bytea, id uuid, at timestamptz, staff uuid, action text, subject text, detail jsonb)
  returns bytea
  language sql
  stable
  as $$
    select convert_to(string_agg(coalesce(octet_length(field)::text || ':' || field, '-') || E'\n', '' order by place), 'UTF8')
    from unnest(array[
      number::text, encode(previous, 'hex'), id::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), staff::text,
      action, subject, detail::text
    ]) with ordinality as fields (field, place)
  $$;

-- Gives a new entry its place. Deferred to the end of the transaction, where every other lock is taken already: nobody who waits here holds
-- up somebody whom we wait for, and entries have the order of their commits, without a gap.
create function audit_link() returns trigger language plpgsql as $$
declare
  latest audit_chain;
  fresh bytea;
begin
  select * into strict latest from audit_chain for update;
  fresh := sha256(audit_words(latest.number + 1, latest.hash, new.id, new.at, new.staff, new.action, new.subject, new.detail));
  update audit set number = latest.number + 1, previous = latest.hash, hash = fresh where id = new.id;
  update audit_chain set number = latest.number + 1, hash = fresh;
  return null;
end
$$;

-- What was written before this migration is chained as it is now, in the order of time.
do $$
declare
  entry record;
  latest audit_chain;
  fresh bytea;
begin
  for entry in select * from audit order by at, id loop
    select * into strict latest from audit_chain;
    fresh := sha256(audit_words(latest.number + 1, latest.hash, entry.id, entry.at, entry.staff, entry.action, entry.subject, entry.detail));
    update audit set number = latest.number + 1, previous = latest.hash, hash = fresh where id = entry.id;
    update audit_chain set number = latest.number + 1, hash = fresh;
  end loop;
end
$$;

create unique index audit_number on audit (number);
create constraint trigger audit_link
  after insert on audit
  deferrable initially deferred
  for each row when (new.number is null)
  execute function audit_link();

-- A program that errs cannot change what is written. Who owns the database can switch this off; then the chain shows it.
create function audit_stays() returns trigger language plpgsql as $$
begin
  raise exception 'what the audit says is never changed' using errcode = 'check_violation', constraint = 'audit_stays';
end
$$;
create trigger audit_stays_as_written before update on audit for each row when (old.number is not null) execute function audit_stays();
create trigger audit_stays before delete on audit for each row execute function audit_stays();
create trigger audit_stays_whole before truncate on audit for each statement execute function audit_stays();
