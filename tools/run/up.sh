# ./run up [--once] [--data DIR] [--port PORT] [--kafka-port PORT]: the main job.

up() {
  local once=0 data=build/data port=8080 kafka=9092
  while (($#)); do
    case $1 in
      --once) once=1 ;;
      --data) data=$2; shift ;;
      --port) port=$2; shift ;;
      --kafka-port) kafka=$2; shift ;;
      *) echo "run up: unknown option $1" >&2; exit 64 ;;
    esac
    shift
  done
  build release headrace
  local headrace=build/release/headrace log=build/up.log
  "$headrace" up examples/deliveries/app.sql --data "$data" --http-listen "127.0.0.1:$port" --kafka-listen "127.0.0.1:$kafka" >"$log" 2>&1 &
  server=$!
  trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
  until grep -q '^listening on' "$log"; do
    kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.05
  done
  cat "$log"
  local url
  url=$(sed -n 's/^listening on //p' "$log")
  "$headrace" load --url "$url" airports examples/deliveries/airports.csv
  "$headrace" load --url "$url" --wait deliveries examples/deliveries/flights.csv.zst
  if ((once)); then
    heads "$headrace" "$url"
    return
  fi
  echo
  echo "Headrace is at $url — open it, or try:  curl $url/v1/views/board/ORD"
  echo "Ctrl-C ends it; what was loaded is kept in $data."
  trap 'kill "$server" 2>/dev/null' INT TERM
  wait "$server" || true
}

heads() {
  local query
  for query in \
    "SELECT * FROM delivery LIMIT 3" \
    "SELECT * FROM board ORDER BY deliveries DESC LIMIT 5" \
    "SELECT * FROM hourly ORDER BY window_start DESC LIMIT 5" \
    "SELECT * FROM route ORDER BY deliveries DESC LIMIT 5" \
    "SELECT * FROM late_board ORDER BY late DESC LIMIT 5" \
    "SELECT * FROM airports_by_state ORDER BY airports DESC LIMIT 3"; do
    echo
    echo "$query"
    "$1" sql --url "$2" "$query"
  done
}
