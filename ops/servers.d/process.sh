# shellcheck shell=bash
# Processes of the run folder. A server NAME has NAME.pid ("PID START_TIME"), NAME.port, NAME.log and a folder NAME, and
# brings NAME_command PORT (runs in the foreground), NAME_ready PORT, NAME_exports PORT, and maybe NAME_prepare.

# When a process began, in ticks since boot (field 22 of proc_pid_stat(5)): with it a number is that process and not a
# later one. Fails for a process that is gone, or dead and not yet reaped.
start_time() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] && echo "${fields[19]}"
}

pid_of() { cut -d' ' -f1 "$RUN/$1.pid"; }
port_of() { cat "$RUN/$1.port"; }

alive() {
  local pid began
  { read -r pid began <"$RUN/$1.pid"; } 2>/dev/null || return 1
  [ -n "$began" ] && [ "$(start_time "$pid")" = "$began" ]
}

# Launches a server on a new port, detached. The process writes its own id before it becomes the server, so that none
# runs unknown when this script is killed; it keeps no descriptor of ours open, a caller's lock for one.
begin() {
  local name=$1 port fd pid
  mkdir -p "$RUN/$name"
  ! declare -F "${name}_prepare" >/dev/null || "${name}_prepare"
  port=$(free_port)
  echo "$port" >"$RUN/$name.port"
  rm -f "$RUN/$name.pid"
  (
    pid=$BASHPID
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    echo "$pid $(start_time "$pid")" >"$RUN/$name.pid"
    "${name}_command" "$port"
  ) >"$RUN/$name.log" 2>&1 </dev/null &
}

# Waits until a server answers. One that lost its port to somebody else between choice and use gets another.
await() {
  local name=$1 tries=3 deadline=$((SECONDS + 120))
  until alive "$name" && "${name}_ready" "$(port_of "$name")" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      give_up "$name does not answer after 120 s"
    elif [ -s "$RUN/$name.pid" ] && ! alive "$name"; then
      tries=$((tries - 1))
      if [ "$tries" -gt 0 ] && grep -qi 'address already in use' "$RUN/$name.log"; then
        begin "$name"
      else
        give_up "$name has died"
      fi
    fi
    sleep 0.1
  done
}

give_up() {
  local name=${1%% *}
  say "$1; the end of $RUN/$name.log:"
  tail -n 20 "$RUN/$name.log" >&2
  stop_all
  exit 1
}

# SIGINT is the fast end for PostgreSQL (SIGTERM waits for its clients); the others want SIGTERM.
signal_end() {
  local signal=TERM
  [ "$1" != postgres ] || signal=INT
  ! alive "$1" || kill -s "$signal" "$(pid_of "$1")"
}

await_end() {
  local deadline=$((SECONDS + 30))
  while alive "$1"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      say "$1 does not end by itself after 30 s: killing it"
      kill -s KILL "$(pid_of "$1")"
      deadline=$((SECONDS + 30))
    fi
    sleep 0.05
  done
  rm -f "$RUN/$1.pid" "$RUN/$1.port"
}
