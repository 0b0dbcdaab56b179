-- The words of a reply may reach the citizen while the platform refuses the photo that goes along.

alter table reply add column file_error text;
comment on column reply.file_error is 'Why a file that should go along with the reply did not, for staff; nothing where it did, or none was to. The words are not touched by it.';
