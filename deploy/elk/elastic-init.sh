#!/bin/bash
# One-shot: lets Kibana and Logstash in, says what the lines' fields are and how long lines are kept. Safe to run again; a
# changed secret takes effect.
set -euo pipefail

secret() {
  cat "/run/secrets/$1"
}

# METHOD PATH, with the body on standard input. Through a descriptor, because a command line can be read by every process.
call() {
  curl --silent --show-error --fail-with-body --max-time 30 --output /dev/null \
    --config <(printf 'user = "elastic:%s"\n' "$(secret elastic_password)") \
    --header 'Content-Type: application/json' --request "$1" --data-binary @- "http://elasticsearch:9200$2"
}

printf '{"password":"%s"}' "$(secret kibana_password)" | call POST /_security/user/kibana_system/_password?refresh=true
call PUT /_security/role/logstash_nexus <<'ROLE'
{"cluster": ["monitor"], "indices": [{"names": ["logs-nexus-*"], "privileges": ["auto_configure", "create_doc"]}]}
ROLE
printf '{"password":"%s","roles":["logstash_nexus"]}' "$(secret logstash_password)" |
  call PUT /_security/user/logstash_nexus
call PUT /_ilm/policy/nexus-logs < /policy.json
call PUT /_index_template/nexus-logs < /template.json
echo "Kibana and Logstash are let in, lines are kept for 30 days"
