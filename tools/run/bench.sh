# ./run bench [bench/run.py's options]

run_bench() {
  install_missing "${bench_packages[@]}"
  build release headrace limits empty_server
  local python=build/bench-python
  [[ -x $python/bin/python ]] || python3 -m venv "$python"
  "$python/bin/python" -c 'import duckdb, pytz' 2>/dev/null || "$python/bin/pip" install -q duckdb pytz
  "$python/bin/python" bench/run.py "$@"
}
