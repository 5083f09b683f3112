-- Keeps a role for each service that has a database, with its own secret. It may log in and nothing more: what it may do
-- in its own database, `manage.py prepare --roles` says. Safe to run again: a changed secret takes effect then.
\set ON_ERROR_STOP on
\set accounts `cat /run/secrets/postgres_accounts_password`
\set inventory `cat /run/secrets/postgres_inventory_password`
\set orders `cat /run/secrets/postgres_orders_password`

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['nexus_accounts', 'nexus_inventory', 'nexus_orders']) AS name
WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec

ALTER ROLE nexus_accounts LOGIN PASSWORD :'accounts';
ALTER ROLE nexus_inventory LOGIN PASSWORD :'inventory';
ALTER ROLE nexus_orders LOGIN PASSWORD :'orders';
