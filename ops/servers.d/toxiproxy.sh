# shellcheck shell=bash
# Toxiproxy: stands between a client and a server and harms the connection. The port is that of its HTTP interface.

toxiproxy_command() {
  exec setsid "$PROGRAMS/bin/toxiproxy-server" -host 127.0.0.1 -port "$1"
}

toxiproxy_ready() { http_ok "http://127.0.0.1:$1/version"; }

toxiproxy_exports() { echo "export PRELO_TEST_TOXIPROXY='http://127.0.0.1:$1'"; }
