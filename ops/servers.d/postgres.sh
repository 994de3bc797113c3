# shellcheck shell=bash
# PostgreSQL: a cluster of its own; user, password and database are all `prelo`. It refuses to run as root: root's runs
# as the user `postgres`.

postgres_bin() {
  local initdb
  initdb=$(command -v initdb || find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [ -n "$initdb" ] && dirname "$(realpath "$initdb")" # beside it: postgres, pg_isready
}

# Becomes a command as the user who may run PostgreSQL.
postgres_exec() {
  if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid postgres --regid postgres --init-groups "$@"
  fi
  exec "$@"
}

postgres_prepare() {
  local bin data=$RUN/postgres/data
  bin=$(postgres_bin)
  [ ! -f "$data/PG_VERSION" ] || return 0
  rm -rf "$data.new"
  [ "$(id -u)" != 0 ] || chown postgres: "$RUN/postgres"
  (cd / && postgres_exec test -w "$RUN/postgres") ||
    die "the user postgres cannot reach $RUN/postgres: choose a --dir whose parents everybody may search, as in /tmp"
  (cd / && postgres_exec "$bin/initdb" -D "$data.new" -U prelo -A trust -E UTF8 --locale=C.UTF-8 --no-sync) \
    >"$RUN/postgres.log" 2>&1 || { tail -n 20 "$RUN/postgres.log" >&2 && die "initdb has failed"; }
  cat >>"$data.new/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
END
  echo 'host all all 127.0.0.1/32 scram-sha-256' >"$data.new/pg_hba.conf"
  (cd / && postgres_exec "$bin/postgres" --single -D "$data.new" postgres) >>"$RUN/postgres.log" 2>&1 <<END
alter role prelo password 'prelo';
create database prelo owner prelo;
END
  mv "$data.new" "$data" # a cluster made half-way is never used
}

postgres_command() {
  cd /
  postgres_exec setsid "$(postgres_bin)/postgres" -D "$RUN/postgres/data" -p "$1"
}

postgres_ready() { "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$1" -d prelo; }

postgres_exports() { echo "export PRELO_TEST_CATALOG='postgres://prelo:prelo@127.0.0.1:$1/prelo'"; }
