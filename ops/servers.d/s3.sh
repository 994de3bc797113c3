# shellcheck shell=bash
# versitygw: an S3 gateway over a folder. Its access log has a line for each request, for tests to count; they make
# their buckets themselves.

s3_prepare() { mkdir -p "$RUN/s3/buckets" "$RUN/s3/versions"; }

s3_command() {
  export ROOT_ACCESS_KEY_ID=test ROOT_SECRET_ACCESS_KEY=testtest1
  exec setsid "$PROGRAMS/bin/versitygw" --port "127.0.0.1:$1" --health /health --region us-east-1 --quiet \
    --access-log "$RUN/s3/access.log" posix --versioning-dir "$RUN/s3/versions" "$RUN/s3/buckets"
}

s3_ready() { http_ok "http://127.0.0.1:$1/health"; }

s3_exports() {
  echo "export PRELO_TEST_STORAGE='s3://prelo-test?endpoint=http://127.0.0.1:$1&region=us-east-1'"
  echo "export PRELO_TEST_S3_ACCESS_KEY=test PRELO_TEST_S3_ACCESS_SECRET=testtest1"
  printf 'export PRELO_TEST_S3_LOG=%q\n' "$RUN/s3/access.log"
}
