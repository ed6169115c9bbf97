# The clients of test/conformance, in build/kafka-clients: Kafka's own in Java, Kafka Connect, aiokafka, KafkaJS, franz-go,
# and Confluent's Avro serializers in Java and JavaScript. One whose tools or network are missing is left out, and its
# tests are skipped; one that is up to date is kept.
#
#   source tools/run/packages.sh && source tools/run/kafka_clients.sh && make_kafka_clients

make_kafka_clients() {
  local sources=test/conformance/clients place=$PWD/build/kafka-clients
  mkdir -p "$place"
  install_kafka_client_tools
  {  # not both at once: they share Maven's folder
    make_kafka_client java-3.9 "$sources"/java make_java_client 3.9.1
    make_kafka_client java-4.1 "$sources"/java make_java_client 4.1.1
    make_kafka_client connect "$sources"/connect make_connect
    make_kafka_client java-avro "$sources"/java-avro make_java_serializer
  } &
  make_kafka_client python "$sources"/python/requirements.txt make_python_client &
  {
    make_kafka_client node "$sources"/node make_node_client
    make_kafka_client node-avro "$sources"/node-avro make_node_client
  } &
  make_kafka_client franz-go "$sources"/go make_go_client &
  wait
}

# Debian's packages of the commands that are not there: some come from elsewhere.
install_kafka_client_tools() {
  local missing=() each
  for each in "${kafka_client_packages[@]}"; do
    command -v "${each%%:*}" >/dev/null || missing+=("${each#*:}")
  done
  ((${#missing[@]})) || return 0
  (install_missing "${missing[@]}") || echo "${missing[*]} could not be installed" >&2
}

# make_kafka_client NAME SOURCES COMMAND...: runs the command, unless it has made NAME since SOURCES last changed.
make_kafka_client() {
  local name=$1 stamp=$place/$1.made
  local sources_of=$2
  shift 2
  [[ -e $place/$name && -e $stamp && -z $(find "$sources_of" -newer "$stamp") ]] && return
  rm -rf "${place:?}/$name" "$stamp"
  if "$@" >"$place/$name.log" 2>&1; then
    touch "$stamp"
  else
    rm -rf "${place:?}/$name"
    echo "the Kafka client $name could not be installed ($place/$name.log); the tests with it are left out" >&2
  fi
}

make_java_client() {
  timeout 120 mvn -q -B -f "$sources/java/pom.xml" -Dkafka="$1" dependency:copy-dependencies -DoutputDirectory="$place/$name" &&
    javac -nowarn -cp "$place/$name/*" -d "$place/$name" "$sources/java/Client.java"
}

make_connect() {
  timeout 120 mvn -q -B -f "$sources/connect/pom.xml" dependency:copy-dependencies -DoutputDirectory="$place/$name"
}

# Of the jar that carries the serializer, only the serializer: the rest has classes under the names of Kafka's client.
make_java_serializer() {
  timeout 180 mvn -q -B -f "$sources/java-avro/pom.xml" dependency:copy-dependencies -DoutputDirectory="$place/$name" &&
    (cd "$place/$name" && jar xf hudi-utilities-bundle_*.jar io/confluent && rm hudi-utilities-bundle_*.jar) &&
    javac -nowarn -cp "$place/$name:$place/$name/*" -d "$place/$name" "$sources/java-avro/Avro.java"
}

make_python_client() {
  python3 -m venv "$place/python" &&
    timeout 120 "$place/python/bin/pip" install -q --timeout 10 --retries 1 -r "$sources/python/requirements.txt"
}

make_node_client() {
  mkdir "$place/$name" &&
    cp "$sources/$name"/{package.json,package-lock.json,.npmrc} "$place/$name" &&
    (cd "$place/$name" && timeout 120 npm ci --no-audit --no-fund --ignore-scripts --fetch-retries=1 --fetch-retry-mintimeout=1000)
}

make_go_client() {
  (cd "$sources/go" && timeout 120 go build -o "$place/franz-go" .)
}
