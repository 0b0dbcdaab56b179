-- Staff look for what was not sent; there is little of it among millions.

create index dispatch_refused on dispatch (due_at, id) where state = 'refused';
