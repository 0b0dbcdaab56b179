-- Steps of one moment have an order too: an id begins with the time and goes on by chance.

alter table incident_step add column number bigint not null generated always as identity;
comment on column incident_step.number is 'In the order of writing: of two steps about one complaint the later one has the higher number.';
