-- How pictures look, so that the same photo is found again after a platform has made it smaller.

alter table attachment add column look bigint;
comment on column attachment.look is 'Sixty-four bits of what the picture looks like (`model::Look`); null: no picture, too plain to say anything, or kept before there were looks.';

create table look_part (
  -- One of the four quarters of a look, with its place: who shares none of them, nor one that differs in one bit, does not look the same.
  part integer not null,
  -- Ids sort by time: the latest complaints with a part are at the end of its stretch.
  complaint uuid not null,
  look bigint not null,
  primary key (part, complaint, look)
);
comment on table look_part is 'Pictures that citizens sent, four rows each. Asked for during sixty days; older ones are deleted. No foreign key: complaints are not deleted, and asking for each row would cost more than the row.';
create index look_part_by_time on look_part using brin (complaint);
