"""The schema registry of the real program: every call and every error code, then Confluent's own client.

  HEADRACE=build/release/headrace python3 test/e2e/test_registry.py

The part with Confluent's client runs in build/registry-clients (tools/run/registry_clients.sh makes it) and is left out
where that is missing.
"""

import json
import pathlib
import struct
import subprocess
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import ROOT, TemporaryServer  # noqa: E402

CLIENT_PYTHON = ROOT / "build/registry-clients/bin/python"
PATIENCE_SECONDS = 60
REGISTRY = "application/vnd.schemaregistry.v1+json"
APP = """
CREATE STREAM rides (ride bigint NOT NULL, city text, fare numeric(12,2)) WITH (partitions = 1);
CREATE MATERIALIZED VIEW city AS SELECT city, count(*) AS rides, sum(ride) AS sum FROM rides GROUP BY city;
"""

PLAIN = '{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}'
OPTIONAL = '{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":1}]}'
REQUIRED = '{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}'


class RegistryServer(TemporaryServer):
    def call(self, method, path, body=None, kind=REGISTRY, accept=REGISTRY):
        connection = self.connect()
        try:
            headers = {"Accept": accept}
            if body is not None:
                headers["Content-Type"] = kind
                body = body if isinstance(body, (str, bytes)) else json.dumps(body)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read()
        finally:
            connection.close()


class RegistryTest(unittest.TestCase):
    def setUp(self):
        self.server = RegistryServer(APP).start()
        self.addCleanup(self.server.remove)

    def get(self, path):
        return self.ok("GET", path)

    def ok(self, method, path, body=None):
        status, kind, answer = self.server.call(method, path, body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(kind, REGISTRY)
        return json.loads(answer)

    def fails(self, code, method, path, body=None):
        status, kind, answer = self.server.call(method, path, body)
        failure = json.loads(answer)
        self.assertEqual(failure.get("error_code"), code, failure)
        self.assertEqual(status, code // 100 if code > 1000 else code)
        self.assertEqual(kind, REGISTRY)
        self.assertEqual(set(failure), {"error_code", "message"})
        self.assertGreater(len(failure["message"]), 10)

    def add(self, subject, schema, query="", **more):
        return self.ok("POST", f"/subjects/{subject}/versions{query}", {"schema": schema, **more})["id"]

    def test_registering_and_finding(self):
        first = self.add("s", PLAIN)
        self.assertEqual(self.add("s", PLAIN), first)
        self.assertEqual(self.add("t", json.dumps(json.loads(PLAIN), indent=2)), first)
        second = self.add("s", OPTIONAL)
        self.assertGreater(second, first)
        self.assertEqual(self.get("/subjects/s/versions"), [1, 2])
        version = {"subject": "s", "version": 2, "id": second, "schema": OPTIONAL}
        self.assertEqual(self.get("/subjects/s/versions/2"), version)
        self.assertEqual(self.get("/subjects/s/versions/latest"), version)
        self.assertEqual(self.get("/subjects/s/versions/-1"), version)
        self.assertEqual(self.get("/subjects/s/versions/2/schema"), json.loads(OPTIONAL))
        self.assertEqual(self.get(f"/schemas/ids/{first}"), {"schema": PLAIN})
        self.assertEqual(self.get(f"/schemas/ids/{first}?fetchMaxId=true&subject=s"), {"schema": PLAIN, "maxId": second})
        self.assertEqual(self.get(f"/schemas/ids/{first}/schema"), json.loads(PLAIN))
        self.assertEqual(self.get(f"/schemas/ids/{first}/subjects"), ["s", "t"])
        self.assertEqual(self.get(f"/schemas/ids/{first}/versions"),
                         [{"subject": "s", "version": 1}, {"subject": "t", "version": 1}])
        self.assertEqual(self.get("/schemas/types"), ["AVRO"])
        self.assertEqual(self.ok("POST", "/subjects/s", {"schema": OPTIONAL}), version)
        self.assertEqual([each["version"] for each in self.get("/schemas?subjectPrefix=s")], [1, 2])
        self.assertEqual([each["version"] for each in self.get("/schemas?subjectPrefix=s&latestOnly=true")], [2])
        self.assertEqual(self.get("/subjects?subjectPrefix=t"), ["t"])
        self.assertEqual(self.get("/subjects?subjectPrefix=s&limit=1"), ["s"])
        odd = urllib.parse.quote("a/b ü", safe="")
        self.assertEqual(self.add(odd, PLAIN), first)
        self.assertIn("a/b ü", self.get("/subjects"))

    def test_what_is_not_there(self):
        self.add("s", PLAIN)
        self.fails(40401, "GET", "/subjects/none/versions")
        self.fails(40401, "GET", "/subjects/none/versions/1")
        self.fails(40401, "POST", "/subjects/none", {"schema": PLAIN})
        self.fails(40401, "DELETE", "/subjects/none")
        self.fails(40402, "GET", "/subjects/s/versions/9")
        self.fails(40402, "DELETE", "/subjects/s/versions/9")
        self.fails(40403, "POST", "/subjects/s", {"schema": OPTIONAL})
        for path in ("", "/schema", "/subjects", "/versions"):
            self.fails(40403, "GET", f"/schemas/ids/99999{path}")
        self.fails(40408, "GET", "/config/s")
        self.fails(40408, "DELETE", "/config/s")
        self.fails(40409, "GET", "/mode/s")
        self.fails(40409, "DELETE", "/mode/s")

    def test_what_is_not_valid(self):
        for bad in ("{", '"nothing"', '{"type":"record"}', ""):
            self.fails(42201, "POST", "/subjects/s/versions", {"schema": bad})
        for kind in ("JSON", "PROTOBUF"):
            self.fails(42201, "POST", "/subjects/s/versions", {"schema": "{}", "schemaType": kind})
        self.fails(42201, "POST", "/subjects/s/versions", {})
        for body in ("{", "[]", "", '{"schema":1}', '{"schema":"\\"int\\"","references":7}', '{"schema":"\\"int\\"","id":"x"}'):
            self.fails(422, "POST", "/subjects/s/versions", body)
        self.add("s", PLAIN)
        for version in ("0", "-2", "x", "99999999999"):
            self.fails(42202, "GET", f"/subjects/s/versions/{version}")
        self.fails(42203, "PUT", "/config", {"compatibility": "SOME"})
        self.fails(42203, "PUT", "/config/s", {})
        self.fails(42204, "PUT", "/mode", {"mode": "SOME"})
        self.fails(42208, "POST", f"/subjects/{'s' * 600}/versions", {"schema": PLAIN})
        status, _, _ = self.server.call("POST", "/subjects/s/versions", PLAIN, kind="text/plain")
        self.assertEqual(status, 415)
        for kind in ("application/vnd.schemaregistry+json", "application/json"):
            status, _, _ = self.server.call("POST", "/subjects/s/versions", {"schema": PLAIN}, kind=kind)
            self.assertEqual(status, 200)

    def test_levels(self):
        self.assertEqual(self.get("/config"), {"compatibilityLevel": "BACKWARD"})
        self.add("s", PLAIN)
        self.fails(40901, "POST", "/subjects/s/versions", {"schema": REQUIRED})
        check = "/compatibility/subjects/s/versions"
        self.assertEqual(self.ok("POST", f"{check}/latest", {"schema": OPTIONAL}), {"is_compatible": True})
        verbose = self.ok("POST", f"{check}/1?verbose=true", {"schema": REQUIRED})
        self.assertFalse(verbose["is_compatible"])
        self.assertIn("READER_FIELD_MISSING_DEFAULT_VALUE", verbose["messages"][0])
        self.assertEqual(self.ok("POST", f"{check}?verbose=true", {"schema": OPTIONAL}), {"is_compatible": True, "messages": []})
        self.assertEqual(self.ok("POST", "/compatibility/subjects/none/versions/latest", {"schema": PLAIN}), {"is_compatible": True})
        self.fails(40402, "POST", f"{check}/9", {"schema": PLAIN})
        self.fails(42202, "POST", f"{check}/earliest", {"schema": PLAIN})
        self.fails(42201, "POST", f"{check}/latest", {"schema": "{"})
        self.assertEqual(self.ok("PUT", "/config/s", {"compatibility": "FORWARD"}), {"compatibility": "FORWARD"})
        self.assertEqual(self.get("/config/s"), {"compatibilityLevel": "FORWARD"})
        self.add("s", REQUIRED)
        for level in ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"):
            self.assertEqual(self.ok("PUT", "/config", {"compatibility": level}), {"compatibility": level})
            self.assertEqual(self.get("/config/other?defaultToGlobal=true"), {"compatibilityLevel": level})
        self.assertEqual(self.ok("DELETE", "/config/s"), {"compatibilityLevel": "FORWARD"})
        self.assertEqual(self.ok("DELETE", "/config"), {"compatibilityLevel": "FULL_TRANSITIVE"})
        self.assertEqual(self.get("/config"), {"compatibilityLevel": "BACKWARD"})

    def test_deleting(self):
        first = self.add("s", PLAIN)
        self.add("s", OPTIONAL)
        self.fails(40405, "DELETE", "/subjects/s?permanent=true")
        self.fails(40407, "DELETE", "/subjects/s/versions/1?permanent=true")
        self.assertEqual(self.ok("DELETE", "/subjects/s/versions/1"), 1)
        self.fails(40406, "DELETE", "/subjects/s/versions/1")
        self.fails(40402, "GET", "/subjects/s/versions/1")
        self.assertEqual(self.get("/subjects/s/versions/1?deleted=true")["id"], first)
        self.assertEqual(self.get("/subjects/s/versions"), [2])
        self.assertEqual(self.get("/subjects/s/versions?deleted=true"), [1, 2])
        self.assertEqual(self.get("/subjects/s/versions?deletedOnly=true"), [1])
        self.assertEqual(self.get(f"/schemas/ids/{first}"), {"schema": PLAIN})
        self.assertEqual(self.get(f"/schemas/ids/{first}/subjects?deleted=true"), ["s"])
        self.assertEqual(self.ok("DELETE", "/subjects/s"), [2])
        self.fails(40404, "DELETE", "/subjects/s")
        self.fails(40401, "GET", "/subjects/s/versions")
        self.fails(40401, "POST", "/subjects/s", {"schema": PLAIN})
        self.assertEqual(self.ok("POST", "/subjects/s?deleted=true", {"schema": PLAIN})["version"], 1)
        self.assertNotIn("s", self.get("/subjects"))
        self.assertIn("s", self.get("/subjects?deleted=true"))
        self.assertEqual(self.get("/subjects?deletedOnly=true"), ["s"])
        self.assertEqual(self.ok("DELETE", "/subjects/s?permanent=true"), [1, 2])
        self.fails(40401, "DELETE", "/subjects/s")
        self.fails(40403, "GET", f"/schemas/ids/{first}")
        self.assertGreater(self.add("s", PLAIN), first + 1)

    def test_references(self):
        self.add("city", '{"type":"record","name":"City","fields":[{"name":"zip","type":"string"}]}')
        home = '{"type":"record","name":"Home","fields":[{"name":"city","type":"City"}]}'
        self.fails(42201, "POST", "/subjects/home/versions", {"schema": home})
        references = [{"name": "City", "subject": "city", "version": 1}]
        self.fails(42201, "POST", "/subjects/home/versions", {"schema": home, "references": [{**references[0], "version": 3}]})
        number = self.add("home", home, references=references)
        self.assertEqual(self.get(f"/schemas/ids/{number}"), {"schema": home, "references": references})
        self.assertEqual(self.get("/subjects/home/versions/1")["references"], references)
        self.assertEqual(self.get("/subjects/city/versions/1/referencedby"), [number])
        self.fails(42206, "DELETE", "/subjects/city")
        self.fails(42206, "DELETE", "/subjects/city/versions/1")
        self.ok("DELETE", "/subjects/home")
        self.assertEqual(self.get("/subjects/city/versions/1/referencedby"), [])
        self.assertEqual(self.ok("DELETE", "/subjects/city/versions/latest"), 1)

    def test_modes(self):
        self.assertEqual(self.get("/mode"), {"mode": "READWRITE"})
        self.add("s", PLAIN)
        self.assertEqual(self.ok("PUT", "/mode", {"mode": "READONLY"}), {"mode": "READONLY"})
        self.fails(42205, "POST", "/subjects/s/versions", {"schema": OPTIONAL})
        self.fails(42205, "DELETE", "/subjects/s")
        self.fails(42205, "PUT", "/config/s", {"compatibility": "FULL"})
        self.assertEqual(self.get("/mode/s?defaultToGlobal=true"), {"mode": "READONLY"})
        self.fails(42205, "PUT", "/mode", {"mode": "IMPORT"})
        self.assertEqual(self.ok("DELETE", "/mode"), {"mode": "READONLY"})
        self.fails(42205, "PUT", "/mode/s", {"mode": "IMPORT"})
        self.fails(42205, "POST", "/subjects/s/versions", {"schema": OPTIONAL, "id": 500})
        self.assertEqual(self.ok("PUT", "/mode/i", {"mode": "IMPORT"}), {"mode": "IMPORT"})
        self.fails(42205, "POST", "/subjects/i/versions", {"schema": OPTIONAL})
        self.assertEqual(self.add("i", OPTIONAL, id=500, version=7), 500)
        self.assertEqual(self.get("/subjects/i/versions"), [7])
        self.assertEqual(self.ok("PUT", "/mode?force=true", {"mode": "IMPORT"}), {"mode": "IMPORT"})
        self.ok("DELETE", "/mode")
        self.assertEqual(self.ok("DELETE", "/mode/i"), {"mode": "IMPORT"})
        self.assertGreater(self.add("i", PLAIN.replace('"a"', '"z"').replace('"int"', '"int","default":0')), 0)

    def test_a_restart_changes_nothing(self):
        def everything():
            return {path: self.get(path) for path in ("/schemas?deleted=true", "/subjects?deletedOnly=true", "/config",
                                                      "/config/s", "/mode/t", "/subjects/s/versions?deleted=true")}
        self.add("s", PLAIN)
        self.add("s", OPTIONAL)
        self.add("t", REQUIRED)
        self.add("u", REQUIRED)
        self.ok("PUT", "/config/s", {"compatibility": "NONE"})
        self.ok("PUT", "/config", {"compatibility": "FULL"})
        self.ok("PUT", "/mode/t", {"mode": "READONLY"})
        self.ok("DELETE", "/subjects/s/versions/1")
        self.ok("DELETE", "/subjects/u")
        before = everything()
        self.server.kill()
        self.server.start()
        self.assertEqual(everything(), before)
        self.server.stop()
        self.server.start()
        self.assertEqual(everything(), before)

    def test_the_root_is_the_page_or_the_registry(self):
        self.assertEqual(self.get("/"), {})
        status, kind, page = self.server.call("GET", "/", accept="text/html")
        self.assertEqual((status, kind.split(";")[0]), (200, "text/html"))
        self.assertIn(b"<html", page)
        description = json.loads(self.server.call("GET", "/openapi.json")[2])
        self.assertIn("/subjects/{subject}/versions", description["paths"])

    # --- the catalogue ---

    def sql(self, text):
        status, _, answer = self.server.call("POST", "/v1/sql", text, kind="text/plain", accept="application/json")
        self.assertEqual(status, 200, answer)
        return json.loads(answer)

    def test_streams_are_subjects(self):
        latest = self.get("/subjects/rides-value/versions/latest")
        self.assertEqual([each["name"] for each in json.loads(latest["schema"])["fields"]], ["ride", "city", "fare"])
        self.sql("ALTER STREAM rides ADD COLUMN tip double precision")
        self.assertEqual(self.get("/subjects/rides-value/versions"), [1, 2])
        newest = self.get("/subjects/rides-value/versions/latest")
        self.server.kill()
        self.server.start()
        self.assertEqual(self.get("/subjects/rides-value/versions/latest"), newest)
        self.sql("CREATE STREAM gone (a integer)")
        self.sql("DROP STREAM gone")
        self.assertEqual(self.get("/subjects/gone-value/versions"), [1])
        # What is removed although the log has records of it comes back under its id.
        self.ok("DELETE", "/subjects/rides-value")
        self.ok("DELETE", "/subjects/rides-value?permanent=true")
        self.server.stop()
        self.server.start()
        self.assertEqual(self.get(f"/schemas/ids/{newest['id']}"), {"schema": newest["schema"]})

    def test_a_default_with_zero_bytes(self):
        decimal = ('{"type":"record","name":"r","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal",'
                   '"precision":12,"scale":2},"default":"\\u0000"}]}')
        number = self.add("zero", decimal)
        self.assertEqual(self.get(f"/schemas/ids/{number}"), {"schema": decimal})
        self.assertEqual(self.add("zero", decimal), number)
        status, _, answer = self.server.call("POST", "/v1/sql", "CREATE STREAM zeros (a text, b numeric(12,2) NOT NULL DEFAULT 0.00)",
                                             kind="text/plain")
        self.assertEqual(status, 200, answer)
        status, _, answer = self.server.call("POST", "/v1/streams/zeros", {"a": "x"}, kind="application/json")
        self.assertEqual(status, 202, answer)
        before = self.get("/subjects/zeros-value/versions/latest")
        self.server.stop()
        self.server.start()
        self.assertEqual(self.get("/subjects/zeros-value/versions/latest"), before)
        self.assertEqual(self.get(f"/schemas/ids/{number}"), {"schema": decimal})
        _, _, answer = self.server.call("POST", "/v1/sql", "SELECT a, b FROM zeros", kind="text/plain", accept="text/csv")
        self.assertEqual(answer, b"a,b\r\nx,0.00\r\n")

    def test_rows_have_the_registrys_ids(self):
        status, _, answer = self.server.call("POST", "/v1/streams/rides", {"ride": 1, "city": "Ulm"}, kind="application/json")
        self.assertEqual(status, 202, answer)
        number = self.get("/subjects/rides-value/versions/latest")["id"]
        with open(self.server.folder / "data/log/rides-0/00000000000000000000.log", "rb") as file:
            self.assertIn(b"\0" + struct.pack(">i", number) + b"\2\2\6Ulm", file.read())

    @unittest.skipUnless(CLIENT_PYTHON.exists(), "confluent-kafka is not installed")
    def test_confluents_client(self):
        subprocess.run([CLIENT_PYTHON, __file__, "--client", f"http://127.0.0.1:{self.server.port}",
                        f"127.0.0.1:{self.server.kafka_port}"], check=True,
                       timeout=PATIENCE_SECONDS * 2)


def use_client(url, kafka):
    """Runs in the environment that has Confluent's client."""
    from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
    from confluent_kafka.schema_registry.error import SchemaRegistryError
    from confluent_kafka.serialization import MessageField, SerializationContext

    client = SchemaRegistryClient({"url": url})
    schema = Schema(PLAIN, "AVRO")
    number = client.register_schema("c-value", schema)
    assert client.register_schema("c-value", schema, normalize_schemas=True) == number
    assert client.lookup_schema("c-value", schema).version == 1
    assert client.get_schema(number).schema_str == PLAIN
    assert client.get_versions("c-value") == [1]
    assert "c-value" in client.get_subjects()
    assert client.test_compatibility("c-value", Schema(OPTIONAL, "AVRO"))
    assert not client.test_compatibility("c-value", Schema(REQUIRED, "AVRO"))
    try:
        client.register_schema("c-value", Schema(REQUIRED, "AVRO"))
        raise AssertionError("an incompatible schema was taken")
    except SchemaRegistryError as error:
        assert (error.http_status_code, error.error_code) == (409, 40901), error
    client.set_compatibility("c-value", "FULL")
    assert client.get_compatibility("c-value") == "FULL"
    client.register_schema("city", Schema('{"type":"record","name":"City","fields":[{"name":"zip","type":"string"}]}', "AVRO"))
    home = Schema('{"type":"record","name":"Home","fields":[{"name":"city","type":"City"}]}', "AVRO",
                  [SchemaReference("City", "city", 1)])
    write = AvroSerializer(client, home)
    read = AvroDeserializer(client)
    context = SerializationContext("home", MessageField.VALUE)
    value = {"city": {"zip": "89073"}}
    assert read(write(value, context), context) == value
    assert client.delete_version("c-value", 1) == 1
    assert client.delete_subject("c-value", permanent=True) == [1]
    if kafka:
        use_stream(client, kafka)


def use_stream(client, kafka):
    """Rows by the serializers arrive in a view; rows appended over HTTP are read by the deserializers."""
    import urllib.request
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    url = client._rest_client.base_urls[0] if hasattr(client._rest_client, "base_urls") else sys.argv[2]

    def rows(city):
        with urllib.request.urlopen(f"{url}/v1/views/city?city={city}", timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)["rows"]

    # A schema of the user's own, which resolves to the columns: an int for the bigint, a field that the stream lacks.
    own = ('{"type":"record","name":"Ride","fields":[{"name":"ride","type":"int"},{"name":"driver","type":"string"},'
           '{"name":"city","type":"string"}]}')
    request = urllib.request.Request(f"{url}/config/rides-value", b'{"compatibility":"NONE"}', method="PUT",
                                     headers={"Content-Type": REGISTRY})
    urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).read()
    context = SerializationContext("rides", MessageField.VALUE)
    write = AvroSerializer(client, own)
    producer = Producer({"bootstrap.servers": kafka})
    for number in (1, 2, 3):
        producer.produce("rides", write({"ride": number, "driver": "x", "city": "Bonn"}, context))
    assert producer.flush(PATIENCE_SECONDS) == 0
    body = b'{"ride":4,"city":"Bonn","fare":1.25}'
    request = urllib.request.Request(f"{url}/v1/streams/rides", body,
                                     headers={"Content-Type": "application/json", "Prefer": "wait=30"})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200
    found = rows("Bonn")
    assert found == [{"city": "Bonn", "rides": 4, "sum": 10}], found

    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "registry", "auto.offset.reset": "earliest"})
    consumer.subscribe(["rides"])
    read = AvroDeserializer(client)
    seen = []
    while len(seen) < 4:
        message = consumer.poll(PATIENCE_SECONDS)
        assert message is not None and message.error() is None, message and message.error()
        seen.append(read(message.value(), context))
    consumer.close()
    assert sorted(each["ride"] for each in seen) == [1, 2, 3, 4], seen
    last = next(each for each in seen if each["ride"] == 4)
    assert str(last["fare"]) == "1.25", last


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--client":
        use_client(sys.argv[2], sys.argv[3])
    else:
        unittest.main()
