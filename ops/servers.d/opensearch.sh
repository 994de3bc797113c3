# shellcheck shell=bash
# OpenSearch: one node from the jars of Maven Central, started by opensearch/OsNode.java. Plain HTTP, no users.

opensearch_command() {
  local home=$RUN/opensearch installed=$PROGRAMS/opensearch
  mkdir -p "$home/tmp"
  exec setsid java -Xms512m -Xmx512m -XX:-UsePerfData -Djava.io.tmpdir="$home/tmp" \
    -Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true -Dio.netty.recycler.maxCapacityPerThread=0 \
    -Dio.netty.allocator.numDirectArenas=0 -Dlog4j2.disable.jmx=true -Dlog4j.shutdownHookEnabled=false \
    -Djava.locale.providers=SPI,COMPAT -Dfile.encoding=UTF-8 \
    -cp "$installed/classes:$installed/lib/*" OsNode "$home" http.port="$1"
}

opensearch_ready() { http_ok "http://127.0.0.1:$1/_cluster/health?wait_for_status=yellow&timeout=4s"; }

opensearch_exports() { echo "export PRELO_TEST_INDEX='opensearch+http://127.0.0.1:$1/prelo-test'"; }
