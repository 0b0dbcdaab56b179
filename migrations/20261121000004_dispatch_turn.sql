-- An agency that gets a complaint back is told again: its system must not take that for the first telling, nor a retry for a new one.

alter table dispatch add column turn smallint not null default 1;
comment on column dispatch.turn is 'Grows when the agency gets the complaint back. With the id, what its system knows one telling by, however often it is tried.';
