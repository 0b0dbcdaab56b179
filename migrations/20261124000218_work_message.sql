-- Escalations go to telephones too: numbers of staff and of holders of posts, and one list of messages to people who work for the city or with it.

create table telephone (
  id uuid primary key,
  -- Whose: an account, or somebody in a post without one.
  staff uuid unique references staff on delete cascade,
  holder bigint unique references post_holder on delete cascade,
  -- Which program, which account of ours, and to whom, sealed.
  adapter text not null,
  account text not null,
  sealed text not null,
  check (num_nonnulls(staff, holder) = 1)
);
-- Somebody in a post has a mail address, a telephone, or both.
alter table post_holder alter column email drop not null;

alter table escalation_rule
  drop constraint escalation_rule_way_check,
  add constraint escalation_rule_way_check check (way in ('mail', 'telephone', 'list'));

-- What was the list of links to tasks is the list of both; no release knew it under the old name.
alter table task_message rename to work_message;
alter index task_message_pkey rename to work_message_pkey;
alter index task_message_task_key rename to work_message_task_key;
alter index task_message_due rename to work_message_due;
alter index task_message_platform rename to work_message_platform;
alter table work_message
  alter column task drop not null,
  add column escalation uuid references escalation,
  -- Who is told of a clock.
  add column staff uuid references staff,
  add column holder bigint references post_holder,
  -- What came instead where a message about a clock did not arrive. Null: nothing yet.
  add column instead text check (instead in ('mail', 'list', 'others', 'up', 'nobody')),
  add constraint work_message_about check (num_nonnulls(task, escalation) = 1),
  add constraint work_message_whose check (num_nonnulls(staff, holder) = num_nonnulls(escalation)),
  add constraint work_message_instead check (instead is null or escalation is not null);
create index work_message_of on work_message (escalation) where escalation is not null;
-- Those that did not arrive, and those of which nothing was heard.
create index work_message_unheard on work_message (id)
  where escalation is not null and instead is null and (receipt is null or receipt in ('unknown', 'failed'));

do $$
begin
  execute replace(pg_get_functiondef('erase_words(uuid[])'::regprocedure), 'task_message', 'work_message');
end $$;
