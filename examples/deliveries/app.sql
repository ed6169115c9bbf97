-- Deliveries: real flights of January to July 2001 (US Bureau of Transportation Statistics, public domain), each taken
-- as a delivery from one airport to another.

-- The key decides the partition, and the id makes a repeated delivery count once.
CREATE STREAM deliveries (
  flight       bigint NOT NULL,
  scheduled    timestamptz NOT NULL,
  origin       text NOT NULL,
  destination  text NOT NULL,
  distance     integer NOT NULL,     -- miles
  delay        integer NOT NULL,     -- minutes; negative is early
  WATERMARK FOR scheduled AS scheduled - INTERVAL '1 day'
) WITH (key = 'flight', id = 'flight', partitions = 4);

CREATE TABLE airports (
  iata       text PRIMARY KEY,
  name       text,
  city       text,
  state      text,
  country    text,
  latitude   double precision,
  longitude  double precision
);

-- One delivery by its number:  curl localhost:8080/v1/views/delivery/4711
CREATE MATERIALIZED VIEW delivery AS
  SELECT flight, scheduled, origin, destination, distance, delay FROM deliveries;

-- The board of an airport:  curl localhost:8080/v1/views/board/ORD
CREATE MATERIALIZED VIEW board AS
  SELECT origin AS airport,
         count(*) AS deliveries,
         avg(delay) AS average_delay,
         avg(CASE WHEN delay > 15 THEN 1 ELSE 0 END) AS share_late,
         sum(distance) * 0.12 AS revenue
  FROM deliveries
  GROUP BY origin;

-- Hour by hour:  curl 'localhost:8080/v1/views/hourly?window_start.gte=2001-01-01T12:00:00Z&limit=5'
CREATE MATERIALIZED VIEW hourly AS
  SELECT window_start,
         count(*) AS deliveries,
         approx_count_distinct(origin || '-' || destination) AS routes,
         sum(distance) AS miles
  FROM TUMBLE(deliveries, scheduled, INTERVAL '1 hour')
  GROUP BY window_start;

-- The state of each route:  curl 'localhost:8080/v1/views/route?origin=ORD'
CREATE MATERIALIZED VIEW route AS
  SELECT origin, destination,
         count(*) AS deliveries,
         arg_max(delay, scheduled) AS last_delay,
         max(scheduled) AS last_scheduled,
         min(delay) AS best_delay,
         max(delay) AS worst_delay
  FROM deliveries
  GROUP BY origin, destination;

-- The late ones, as a stream of their own, keyed by airport, and a view of that.
CREATE STREAM late WITH (key = 'origin', partitions = 4) AS
  SELECT origin, flight, destination, scheduled, delay FROM deliveries WHERE delay > 15;

CREATE MATERIALIZED VIEW late_board AS
  SELECT origin AS airport, count(*) AS late, max(delay) AS worst_delay, arg_max(flight, delay) AS worst_flight
  FROM late
  GROUP BY origin;

-- A table is its latest rows; a view of it follows corrections.
CREATE MATERIALIZED VIEW airports_by_state AS
  SELECT state, count(*) AS airports, min(name) AS first_name FROM airports WHERE country = 'USA' GROUP BY state;
