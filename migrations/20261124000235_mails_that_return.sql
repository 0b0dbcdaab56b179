-- A mail about a clock that nobody got, refused at once or returned later: what came instead, as with messages to telephones. Those of before were
-- followed up by nobody.
alter table escalation_mail add instead text check (instead in ('list', 'others', 'up', 'nobody'));
update escalation_mail set instead = 'nobody' where state = 'refused';
create index escalation_mail_lost on escalation_mail (id) where state = 'refused' and instead is null;
