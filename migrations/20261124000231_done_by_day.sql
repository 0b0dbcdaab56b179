-- How many are done by the day they were opened on: ages were counted row by row, which takes longer the more a city opens in ninety days.

-- Who finishes something meanwhile waits: otherwise it would be neither in what is counted below nor in what the trigger adds.
lock table queue_done in share row exclusive mode;

create table queue_done_day (
  agency uuid not null,
  visibility text not null,
  day date not null,
  n bigint not null
);
comment on table queue_done_day is 'The sum of n is how many rows queue_done has that were opened on the day, by UTC.';
create index queue_done_day_of_day on queue_done_day (day);

create or replace function queue_done_counted() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into queue_done_count
    select agency, category, area, channel, account, danger, visibility, -count(*) from gone group by 1, 2, 3, 4, 5, 6, 7;
    insert into queue_done_day
    select agency, visibility, (opened_at at time zone 'UTC')::date, -count(*) from gone group by 1, 2, 3;
  end if;
  if tg_op <> 'DELETE' then
    insert into queue_done_count
    select agency, category, area, channel, account, danger, visibility, count(*) from added group by 1, 2, 3, 4, 5, 6, 7;
    insert into queue_done_day
    select agency, visibility, (opened_at at time zone 'UTC')::date, count(*) from added group by 1, 2, 3;
  end if;
  return null;
end $$;

insert into queue_done_day
select agency, visibility, (opened_at at time zone 'UTC')::date, count(*) from queue_done group by 1, 2, 3;
