-- What a citizen is asked when it is missing: where it is, what it is about. Once, and theirs to skip.

alter table category add column needs_place boolean not null default true;
comment on column category.needs_place is 'False: nobody needs to know where it is (an identity card, a complaint about a service).';

alter table complaint add column questions jsonb not null default '{}';
comment on column complaint.questions is 'model::Questions: which question is open since when, which were asked, whether the citizen would rather not.';
