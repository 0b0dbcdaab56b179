-- A citizen who wrote from a new address before the platform told us of the move is two rows until then; afterwards one of them says so.

alter table citizen add column merged_into uuid references citizen;
comment on column citizen.merged_into is 'Everything of this citizen is that one''s now: the platform said that they are one person.';
