-- A bot's chat vouches for a telephone number where the platform says that it is the sender's own.

insert into voucher (adapter, schemes, elsewhere) values ('telegram', '{tel}', false) on conflict (adapter) do nothing;
