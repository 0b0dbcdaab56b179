-- What a desk looks for before it enters: the same contact, the same area lately, answers of an office that did not arrive.
create index message_by_contact on message using gin (contact) where contact <> '{}';
create index complaint_of_area on complaint (area, opened_at desc) where area is not null;
create index reply_failed_of_complaint on reply (complaint, created_at) where receipt = 'failed';
