-- Whether a rule decides although words of bribery or of a breach of duty were found. Without it such a complaint becomes confidential and
-- waits for a person.
alter table rule add column despite_ethics boolean not null default false;
comment on column rule.despite_ethics is 'The rule decides although words of a breach of duty were found, and the complaint is not made confidential.';
