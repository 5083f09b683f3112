-- Runs once, when the cluster is made. Nexus owns the databases that `manage.py prepare` creates and is no superuser.
\set password `cat /run/secrets/postgres_password`
CREATE ROLE nexus LOGIN CREATEDB PASSWORD :'password';
