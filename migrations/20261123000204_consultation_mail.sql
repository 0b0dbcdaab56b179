-- Who is asked by another agency is written to, once when the question is put and once when its time has passed; who asked, when there is an answer.
create table consultation_mail (
  id bigint generated always as identity primary key,
  consultation uuid not null references consultation,
  occasion text not null check (occasion in ('asked', 'late', 'answered')),
  email text not null,
  -- `void`: answered before it was sent.
  state text not null default 'due' check (state in ('due', 'delivered', 'refused', 'void')),
  due_at timestamptz not null,
  lease_until timestamptz,
  attempts integer not null default 0,
  error text,
  constraint consultation_mail_once unique (consultation, occasion, email)
);
create index consultation_mail_due on consultation_mail (due_at) where state = 'due';
comment on table consultation_mail is 'Mails to staff about questions between agencies. They name the complaint and say nothing of it.';
