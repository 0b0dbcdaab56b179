-- How long mails to staff about complaints are kept once they went: they hold the addresses of who may have left long ago.
alter table retention_rule drop constraint retention_rule_data_check;
alter table retention_rule add constraint retention_rule_data_check check (data in ('contact', 'words', 'files', 'reasons', 'requests', 'mails'));
insert into retention_rule (data, days, source, verified) values ('mails', 365, 'Baris awal, tidak dari peraturan: satu tahun setelah dikirim', false);
