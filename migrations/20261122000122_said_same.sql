-- What citizens say about earlier complaints stands in their history: it is the same, it is another one, "mine is another one" (they left its incident).

alter table update drop constraint update_kind_check;
alter table update add constraint update_kind_check check (kind in ('opened', 'routed', 'to_triage', 'followed_up', 'claimed', 'asked',
  'answered', 'noted', 'handed_over', 'resolved', 'reopened', 'blocked', 'unblocked', 'said_same', 'said_other', 'left'));
comment on column suggestion.staff is 'Who decided; null with a time: the citizen.';
