-- Mails to staff about their own account: a link to set a password, and that a recovery code was used. A work list of `dispatch`.

create table account_mail (
  id uuid primary key,
  staff uuid not null references staff on delete cascade,
  occasion text not null check (occasion in ('invitation', 'recovery_code')),
  -- Where it goes, or went: the account's address at the last try.
  email text not null check (length(email) between 3 and 254),
  -- Who wanted it; null: the operator, or the system.
  made_by uuid references staff on delete set null,
  made_at timestamptz not null,
  -- Not sent after that; of an invitation also the end of its links.
  until timestamptz not null,
  state text not null default 'due' check (state in ('due', 'delivered', 'refused')),
  due_at timestamptz not null,
  lease_until timestamptz,
  attempts integer not null default 0,
  error text
);
create unique index account_mail_invitation on account_mail (staff) where occasion = 'invitation';
create index account_mail_staff on account_mail (staff);
create index account_mail_due on account_mail (due_at) where state = 'due';
comment on table account_mail is 'Mails to staff about their account. A link is made when one is sent, and only its hash is kept, in invitation.';
comment on table invitation is 'One-time links to set a password: of one invitation, one for each time it was sent. Gone when one of them is used.';

-- A link made before an account was closed opened it again with the account.
delete from invitation using staff where staff.id = invitation.staff and not staff.active;
