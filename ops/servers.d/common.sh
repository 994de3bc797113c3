# shellcheck shell=bash
# Words that every part of ops/servers uses.

say() { printf 'ops/servers: %s\n' "$*" >&2; }
die() { say "$@" && exit 1; }

# The run folder is the caller's own: a folder in /tmp that somebody else has made first is refused.
make_run_folder() {
  mkdir -p "$RUN"
  [ -O "$RUN" ] || die "$RUN belongs to somebody else; choose another with --dir"
  chmod 755 "$RUN"
}

# with_lock FOLDER FUNCTION: while no other ops/servers changes that folder.
with_lock() {
  mkdir -p "$1"
  exec 9>"$1/.lock"
  flock 9
  "$2"
  exec 9>&-
}

# A port of 127.0.0.1 where nobody listens: below the range from which the kernel takes ports of outgoing connections.
free_port() {
  local port tries
  for ((tries = 0; tries < 200; tries++)); do
    port=$((12000 + (RANDOM * 32768 + RANDOM) % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
  done
  die "found no free port between 12000 and 32000"
}

http_ok() { curl -sf -o /dev/null --max-time 5 "$1"; }
