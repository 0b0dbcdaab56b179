-- Signing in at a provider of OpenID Connect: who went there, and whose account there is whose here.

create table oidc_try (
  -- SHA-256 of what the browser brings back: a stolen table begins nothing.
  state_hash bytea primary key,
  nonce text not null,
  verifier text not null,
  -- Who connects an account of theirs; null: somebody signs in.
  staff uuid references staff on delete cascade,
  back text not null check (length(back) <= 500),
  begun_at timestamptz not null
);
create index oidc_try_age on oidc_try (begun_at);
comment on table oidc_try is 'On their way to the provider and back. Used once, for ten minutes.';

create table oidc_account (
  issuer text not null,
  subject text not null check (length(subject) between 1 and 255),
  staff uuid not null references staff on delete cascade,
  -- As it was shown there when it was connected; null: the provider does not say.
  shown text,
  connected_at timestamptz not null,
  primary key (issuer, subject),
  unique (staff, issuer)
);
comment on table oidc_account is 'Accounts at a provider that open an account here. Only their owner connects them, with their password here.';
