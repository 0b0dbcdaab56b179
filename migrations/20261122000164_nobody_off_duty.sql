-- No complaint is with somebody who may not sign in: neither afterwards, nor by somebody who takes one while their account is being closed.

-- What closed accounts still hold goes back to the agency's queue.
with held as (
  update dispatch
  set officer = null
  from staff
  where staff.id = dispatch.officer and not staff.active and dispatch.work in ('open', 'in_progress', 'awaiting_citizen')
  returning dispatch.complaint, dispatch.agency
)
insert into update (id, complaint, at, actor, agency, kind, text)
select gen_random_uuid(), complaint, now(), 'system', agency, 'noted', 'Kembali ke antrean dinas: akun petugas yang memegangnya sudah ditutup.'
from held;

create function dispatch_with_somebody() returns trigger language plpgsql as $$
begin
  if new.work not in ('open', 'in_progress', 'awaiting_citizen') then
    return new;
  end if;
  if tg_op = 'UPDATE' and new.officer is not distinct from old.officer and new.work = old.work then
    return new;
  end if;
  -- Waits for who is closing the account, and makes them wait: one of the two sees what the other did.
  perform from staff where id = new.officer and active for share;
  if not found then
    raise exception 'the officer may not sign in' using errcode = 'check_violation', constraint = 'dispatch_with_somebody';
  end if;
  return new;
end
$$;
create trigger dispatch_with_somebody
  before insert or update on dispatch
  for each row when (new.officer is not null)
  execute function dispatch_with_somebody();
