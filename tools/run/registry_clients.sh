# A Python environment with Confluent's client for test/e2e/test_registry.py, in build/registry-clients. Without it, or
# without the network, that test leaves out what needs the client.
#
#   source tools/run/registry_clients.sh && make_registry_clients

make_registry_clients() {
  local place=build/registry-clients
  if [[ -x $place/bin/python ]] && "$place/bin/python" -c 'import confluent_kafka.schema_registry.avro' 2>/dev/null; then
    return 0
  fi
  if ! { python3 -m venv "$place" &&
    timeout 120 "$place/bin/pip" install -q --timeout 10 --retries 1 'confluent-kafka[avro,schemaregistry]>=2.8'; }; then
    rm -rf "$place"
    echo "confluent-kafka could not be installed; the tests with it are left out" >&2
  fi
}
