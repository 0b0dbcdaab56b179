-- A reply that the platform accepted and refused later, because the time for free words was over, is sent once more.

alter table reply add column again_of uuid references reply;
comment on column reply.again_of is 'The reply that this one repeats; none is repeated twice.';
