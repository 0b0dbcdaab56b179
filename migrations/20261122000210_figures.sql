-- What figures are counted from: views that say which rows count and by which moment. What a figure leaves out, docs/data.md says.

-- Moments that lists are not ordered by. Only what is settled, answered or moved is in them: intake writes into none.
create index dispatch_settled on dispatch (settled_at) where settled_at is not null;
create index dispatch_answered on dispatch (answered_at) where answered_at is not null;
create index update_counted on update (at) where kind in ('reopened', 'handed_over', 'to_referee', 'closed');

create view figure_opened as
select c.id, c.id as complaint, null::uuid as agency, c.opened_at as at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel,
  c.account, c.danger, c.visibility
from complaint c;
comment on view figure_opened is 'Came in: a row for each complaint, whoever has it; at: when the door took it.';

create view figure_given as
select d.id, d.complaint, d.agency, c.opened_at as at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel, c.account,
  c.danger, c.visibility
from complaint c
join dispatch d on d.complaint = c.id;
comment on view figure_given is 'Came in, by agency: a row for each complaint with each agency that has or had it; at: when the door took it.';

create view figure_settled as
select d.id, d.complaint, d.agency, d.settled_at as at, d.settled_at <= d.deadline as in_time, coalesce(d.started_at, d.given_at) as began_at, d.pauses,
  c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel, c.account, c.danger, c.visibility
from dispatch d
join complaint c on c.id = d.complaint
where d.settled_at is not null
  and d.work = 'done';
comment on view figure_settled is 'Settled and not opened again since: a row for each complaint with each agency that is done; at: when it said so.';

create view figure_answered as
select d.id, d.complaint, d.agency, d.answered_at as at, d.answered_at <= d.answer_due as in_time, coalesce(d.started_at, d.given_at) as began_at,
  d.pauses, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel, c.account, c.danger, c.visibility
from dispatch d
join complaint c on c.id = d.complaint
where d.answered_at is not null
  and d.work <> 'handed_over';
comment on view figure_answered is 'Answered for the first time, where a limit asks for that: a row for each complaint with each agency that still has it or settled it; at: when.';

create view figure_waiting as
select q.id, q.complaint, q.agency, q.opened_at as at, q.deadline, q.work, q.asked_at, q.opened_at, q.category, q.area, q.channel, q.account, q.danger,
  q.visibility
from queue_open q
where q.work <> 'triage';
comment on view figure_waiting is 'To be done now: a row for each complaint with each agency that still has to act. Late: deadline before now, and not since the citizen was asked.';

create view figure_step as
select u.id, u.complaint, coalesce(u.agency, d.agency) as agency, u.at, u.kind, u.actor = 'citizen' as by_citizen, c.opened_at, c.category, c.area,
  c.adapter || ' ' || c.account as channel, c.account, c.danger, c.visibility
from update u
join complaint c on c.id = u.complaint
left join dispatch d on d.complaint = u.complaint and d.responsible
where u.kind in ('reopened', 'handed_over', 'to_referee', 'closed');
comment on view figure_step is 'Steps that are counted: opened again (by the citizen: contested), given on, sent to the referee, closed after silence. agency: who did it, else who answers for the complaint now.';

create view figure_missed as
select ('00000000-0000-0000-0000-' || lpad(to_hex(m.id), 12, '0'))::uuid as id, m.complaint, m.agency, m.due as at, m.stage, m.ended_at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel,
  c.account, c.danger, c.visibility
from missed_clock m
join complaint c on c.id = m.complaint;
comment on view figure_missed is 'Red flags: a row for each clock that was missed; at: until when it was. Nothing takes one away. agency: null, the city''s own clock of forwarding.';

create view figure_unsent as
select r.id, r.complaint, d.agency, r.created_at as at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel, c.account, c.danger,
  c.visibility
from reply r
join complaint c on c.id = r.complaint
left join dispatch d on d.complaint = r.complaint and d.responsible
where r.receipt = 'failed';
comment on view figure_unsent is 'Replies that a platform did not deliver: a row for each, also where another way reached the citizen; at: when it was written. agency: who answers for the complaint now.';
