-- What the lists of staff are read by, so that they stay fast at a million complaints.

-- An office's own entries, the newest first.
create index complaint_of_account on complaint (account, opened_at desc, id desc);
-- What all agencies finished or handed on, for triage and admins; one agency's own is dispatch_done.
create index dispatch_done_by_time on dispatch (given_at desc, id desc) where work in ('done', 'handed_over');
