-- Mails about clocks go together: what is due for one address while the last mail to it is young waits for the next. When that was, and what waits, by address.
alter table escalation_mail add delivered_at timestamptz;
create index escalation_mail_delivered on escalation_mail (lower(email), delivered_at) where state = 'delivered';
create index escalation_mail_waiting on escalation_mail (lower(email), due_at) where state = 'due';
