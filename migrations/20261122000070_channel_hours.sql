-- Offices where people come in person say when they are open.
alter table channel add column hours text;
comment on column channel.hours is 'Weekly hours as model::OpeningHours writes them: mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30. Null: not said.';
