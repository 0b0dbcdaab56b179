-- A reply of which nobody knows whether it was sent has a word of its own: staff see it, and it is not sent again by itself.
alter table reply drop constraint reply_receipt_check;
alter table reply add constraint reply_receipt_check check (receipt in ('sent', 'unknown', 'delivered', 'read', 'failed'));
