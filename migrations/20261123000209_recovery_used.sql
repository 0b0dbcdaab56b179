-- When somebody last came in by a recovery code: they read it on their page, also after new codes were made.

alter table staff add column recovery_used_at timestamptz;
comment on table recovery_code is 'One-time codes in place of the authenticator app or a passkey.';
