# shellcheck shell=bash
# Puts the programs into $PROGRAMS: bin/ (Go programs) and opensearch/{lib,classes}. PostgreSQL is the system's.
# Whatever is built is built aside and then renamed: an interrupted installation leaves nothing half-made in place.

# The Go programs that are wanted, a line each: name, package, module, version.
go_programs() {
  local name
  for name in "${SERVERS[@]}"; do
    case $name in
    s3) echo versitygw github.com/versity/versitygw{/cmd/versitygw,} v1.8.0 ;;
    nats) echo nats-server github.com/nats-io/nats-server/v2 github.com/nats-io/nats-server/v2 v2.15.2 ;;
    toxiproxy) echo toxiproxy-server github.com/Shopify/toxiproxy/v2{/cmd/server,} v2.5.0 ;;
    esac
  done
}

# A Go program carries its module's version as plain text.
has_go_program() { grep -aqs $'mod\t'"$2"$'\t'"$3" "$PROGRAMS/bin/$1"; }

has_jars() {
  local home=$PROGRAMS/opensearch
  [ -d "$home/lib" ] &&
    [ "$(find "$home/lib" -name '*.jar' | wc -l)" -eq "$(wc -l <"$HERE/opensearch/lib.sha256")" ] &&
    (cd "$home" && sha256sum --quiet --strict -c "$HERE/opensearch/lib.sha256") >/dev/null 2>&1
}

has_launcher() {
  local home=$PROGRAMS/opensearch
  [ -f "$home/classes/OsNode.class" ] && cmp -s "$home/OsNode.java" "$HERE/opensearch/OsNode.java"
}

wanted() { [[ " ${SERVERS[*]} " = *" $1 "* ]]; }

missing_programs() {
  local name module version
  while read -r name _ module version; do
    has_go_program "$name" "$module" "$version" || echo -n "$name "
  done < <(go_programs)
  ! wanted opensearch || has_launcher || echo -n "opensearch "
  ! wanted postgres || postgres_bin >/dev/null || echo -n "postgresql "
}

install_all() {
  local name package module version
  need curl curl curl --version
  need PostgreSQL postgresql postgres_bin
  # Not a server, but wanted by the same tests: OCR of the fixtures.
  need "Tesseract with Portuguese" tesseract-ocr tesseract --version
  need "Tesseract with Portuguese" tesseract-ocr-por knows_portuguese
  while read -r name package module version; do
    has_go_program "$name" "$module" "$version" || install_go_program "$name" "$package" "$version"
  done < <(go_programs)
  need "Java 17 or later" default-jre-headless java_is_recent java
  has_jars || install_jars
  has_launcher || install_launcher
}

# Runs a command whose output matters only when it fails.
logged() {
  "$@" >"$PROGRAMS/install.log" 2>&1 && return
  tail -n 20 "$PROGRAMS/install.log" >&2
  die "failed: $*"
}

# need WHAT PACKAGE COMMAND...: installs Debian's package where the command fails, as root; else says what is missing.
need() {
  local what=$1 package=$2
  shift 2
  ! "$@" >/dev/null 2>&1 || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $package"
    # PostgreSQL's package would else start a cluster that nobody asked for.
    if [ "$package" = postgresql ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      mkdir -p /etc/postgresql-common
      echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    fi
    logged apt-get update
    DEBIAN_FRONTEND=noninteractive logged apt-get install -y --no-install-recommends "$package"
    ! "$@" >/dev/null 2>&1 || return 0
  fi
  die "$what is missing; on Debian: apt-get install $package"
}

knows_portuguese() { tesseract --list-langs | grep -qx por; }

java_is_recent() {
  local version
  version=$("$1" -version 2>&1 | grep -oE '[0-9]+' | head -n 1)
  [ "$version" -ge 17 ]
}

install_jars() {
  local home=$PROGRAMS/opensearch jars=$PROGRAMS/opensearch.new
  need "Maven" maven mvn --version
  say "fetching OpenSearch from Maven Central"
  rm -rf "$jars" && mkdir -p "$jars" "$home"
  logged mvn -B -q --strict-checksums -f "$HERE/opensearch/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$jars/lib" -DincludeScope=runtime
  (cd "$jars" && sha256sum --quiet --strict -c "$HERE/opensearch/lib.sha256") >&2 ||
    die "the jars of OpenSearch are not those of ops/servers.d/opensearch/lib.sha256; nothing was installed"
  rm -rf "${home:?}/lib" && mv "$jars/lib" "$home/lib" && rmdir "$jars"
}

install_launcher() {
  local home=$PROGRAMS/opensearch
  need "A Java compiler, 17 or later," default-jdk-headless java_is_recent javac
  rm -rf "${home:?}/classes.new"
  logged javac -cp "$home/lib/*" -d "$home/classes.new" "$HERE/opensearch/OsNode.java"
  rm -rf "${home:?}/classes" && mv "$home/classes.new" "$home/classes"
  cp -f "$HERE/opensearch/OsNode.java" "$home/OsNode.java" # last: it says that the class is of this source
}

install_go_program() {
  local name=$1 package=$2 version=$3 aside=$PROGRAMS/bin.new go
  go=$(recent_go)
  say "building $name $version"
  rm -rf "$aside" && mkdir -p "$aside" "$PROGRAMS/bin"
  # The module's own `go` line chooses the toolchain where the installed one is older.
  GOBIN=$aside CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS='' logged "$go" install -ldflags='-s -w' "$package@$version"
  mv "$aside"/* "$PROGRAMS/bin/$name" && rmdir "$aside"
}

# A Go that can fetch newer toolchains by itself: 1.21 or later. An older one (Debian 12 has 1.19) fetches one as a
# module, checked against the checksum database as any module is.
recent_go() {
  local version toolchain cache
  need "Go" golang-go go version
  version=$(go env GOVERSION)
  if [ "$(printf 'go1.21\n%s\n' "$version" | sort -V | head -n 1)" = go1.21 ]; then
    echo go
    return
  fi
  toolchain=golang.org/toolchain@v0.0.1-go1.26.0.$(go env GOOS)-$(go env GOARCH)
  cache=$(go env GOMODCACHE)/$toolchain
  say "Go here is $version: fetching $toolchain"
  (cd / && logged go mod download "$toolchain")
  chmod -R u+w "$cache" && chmod -R +x "$cache/bin" "$cache/pkg/tool"
  echo "$cache/bin/go"
}
