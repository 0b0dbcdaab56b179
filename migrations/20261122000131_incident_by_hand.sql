-- Staff join complaints by hand and open incidents again, and say why.

alter table incident_step add column reason text;
comment on column incident_step.reason is 'What staff wrote to it, for colleagues.';
alter table incident_step drop constraint incident_step_kind_check;
alter table incident_step add constraint incident_step_kind_check
  check (kind in ('joined', 'different', 'later', 'split', 'reopened', 'undone'));
alter table incident_act drop constraint incident_act_kind_check;
alter table incident_act add constraint incident_act_kind_check check (kind in ('claim', 'answer', 'resolve', 'note', 'reopen'));
