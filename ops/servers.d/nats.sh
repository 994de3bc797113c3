# shellcheck shell=bash
# NATS with JetStream, its streams in the run folder.

nats_command() {
  exec setsid "$PROGRAMS/bin/nats-server" -a 127.0.0.1 -p "$1" -js -sd "$RUN/nats"
}

nats_ready() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && read -r -t 2 greeting <&3 && [[ $greeting == INFO* ]]); }

nats_exports() { echo "export PRELO_TEST_NATS='nats://127.0.0.1:$1'"; }
