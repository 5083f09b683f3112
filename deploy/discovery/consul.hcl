# One server that remembers who is there; without it the gateway goes on with whom it knew. Whoever is on the backend
# network may register: outside it, add ACLs.
server               = true
bootstrap_expect     = 1
data_dir             = "/consul/data"
client_addr          = "0.0.0.0"
bind_addr            = "{{ GetPrivateIP }}"
disable_update_check = true

ui_config {
  enabled = false
}
