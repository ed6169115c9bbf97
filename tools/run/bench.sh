# ./run bench [bench/run.py's options], ./run bench-kafka [bench/kafka/run.py's options]

run_bench() {
  install_missing "${bench_packages[@]}"
  build release headrace limits empty_server
  local python=build/bench-python
  [[ -x $python/bin/python ]] || python3 -m venv "$python"
  "$python/bin/python" -c 'import duckdb, pytz' 2>/dev/null || "$python/bin/pip" install -q duckdb pytz
  "$python/bin/python" bench/run.py "$@"
}

run_kafka_bench() {
  install_missing "${kafka_bench_packages[@]}"
  build release headrace limits kafka_load kafka_bare
  local jars=$PWD/build/bench-kafka/jars
  # Fetched anew when the file that names the jars has changed.
  if [[ ! $jars/.complete -nt bench/kafka/pom.xml ]]; then
    rm -rf "$jars"
    timeout 600 mvn -B -q -f bench/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$jars"
    touch "$jars/.complete"
  fi
  python3 bench/kafka/run.py --jars "$jars" "$@"
}
