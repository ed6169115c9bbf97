# ./run test: the unit tests and fuzzers under AddressSanitizer and UndefinedBehaviorSanitizer, then the whole program.

run_tests() {
  install_missing "${build_packages[@]}" "${test_packages[@]}"
  echo "== building the program"
  build release headrace
  echo "== building the tests and fuzzers with sanitizers"
  build fuzz all
  make_registry_clients
  make_kafka_clients
  echo "== running"
  HEADRACE_POWER_CUTS=${HEADRACE_POWER_CUTS:-5000} ctest --test-dir build/fuzz --output-on-failure -j 2 "$@"
}

run_fuzzers() {
  build fuzz all
  cmake -S . -B build/fuzz -DHEADRACE_FUZZ_SECONDS="$1" >/dev/null
  ctest --test-dir build/fuzz -L fuzz --output-on-failure -j 2
}

check_oracle() {
  install_missing "${build_packages[@]}" "${test_packages[@]}"
  build release headrace
  HEADRACE=build/release/headrace /usr/bin/python3 test/e2e/deliveries_oracle.py "$@"
}
