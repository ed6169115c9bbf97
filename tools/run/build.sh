# build PRESET TARGET...: configures once and builds.

build() {
  local preset=$1
  shift
  install_missing "${build_packages[@]}"
  [[ $preset == release ]] || install_missing "${test_packages[@]}"
  [[ -f build/$preset/build.ninja ]] || cmake --preset "$preset" >/dev/null
  if [[ -t 1 ]]; then
    cmake --build "build/$preset" --target "$@"
  else
    cmake --build "build/$preset" --target "$@" | tail -n 1
  fi
}

usage() { sed -n '2,7s/^# //p' run; cat <<'END'
./run bench-kafka           the Kafka port beside Apache Kafka, which is fetched with Maven
./run check-oracle [FILE]   the example's views against PostgreSQL, on the sample or on a full flights file
./run fuzz [SECONDS]        every fuzzer, that long each
./run format                clang-format over all sources
END
}
