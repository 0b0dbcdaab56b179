-- Words are learned in the order in which they were written. A BRIN index finds what is newer, but not the first of it: each go sorted all that was not learned yet,
-- so that after a large import the goes took longer than a statement may. Not made concurrently: sessions that wait for their turn to migrate would wait for it, and it
-- for them. It takes some seconds for ten million complaints; what comes in meanwhile waits on the bus.
create index complaint_words_in_order on complaint_words (kept_at);
drop index complaint_words_lately;
