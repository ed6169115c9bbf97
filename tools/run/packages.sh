# What Headrace is built with and tested against: Debian 12's packages, installed when missing.

build_packages=(
  ca-certificates ccache clang-19 cmake lld-19 mold ninja-build
  libbenchmark-dev libboost1.81-dev libboost-json1.81-dev libcli11-dev libedit-dev libfmt-dev libgmock-dev libgtest-dev
  libhowardhinnant-date-dev libjemalloc-dev liblz4-dev libpg-query-dev libprotobuf-c-dev libre2-dev librocksdb-dev
  libsimdjson-dev libsnappy-dev libspdlog-dev libssl-dev libxxhash-dev libzstd-dev prometheus-cpp-dev python3 zlib1g-dev
)
test_packages=(zstd clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19 postgresql-15 python3-psycopg2 git
               kcat python3-confluent-kafka python3-kafka python3-venv)
# COMMAND:PACKAGE; see tools/run/kafka_clients.sh.
kafka_client_packages=(javac:default-jdk-headless mvn:maven node:nodejs npm:npm go:golang-go)
bench_packages=(python3-venv util-linux wrk zstd)
kafka_bench_packages=(default-jre-headless librdkafka-dev maven util-linux)
format_packages=(clang-format-19)

install_missing() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local sudo=()
  if ((EUID)); then
    command -v sudo >/dev/null || { echo "run: as root or with sudo, once: apt-get install ${missing[*]}" >&2; exit 77; }
    sudo=(sudo)
  fi
  echo "== installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
