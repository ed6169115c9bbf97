-- The example's stream and five views, for the benchmarks.
CREATE STREAM deliveries (
  flight bigint NOT NULL, scheduled timestamptz NOT NULL, origin text NOT NULL, destination text NOT NULL,
  distance integer NOT NULL, delay integer NOT NULL
) WITH (key = 'flight', id = 'flight', partitions = 4);

CREATE MATERIALIZED VIEW delivery AS
  SELECT flight, scheduled, origin, destination, distance, delay FROM deliveries;
CREATE MATERIALIZED VIEW board AS
  SELECT origin AS airport, count(*) AS deliveries, avg(delay) AS average_delay,
         avg(CASE WHEN delay > 15 THEN 1 ELSE 0 END) AS share_late, sum(distance) * 0.12 AS revenue
  FROM deliveries GROUP BY origin;
CREATE MATERIALIZED VIEW hourly AS
  SELECT window_start, count(*) AS deliveries, approx_count_distinct(origin || '-' || destination) AS routes,
         sum(distance) AS miles
  FROM TUMBLE(deliveries, scheduled, INTERVAL '1 hour') GROUP BY window_start;
CREATE MATERIALIZED VIEW route AS
  SELECT origin, destination, count(*) AS deliveries, arg_max(delay, scheduled) AS last_delay,
         max(scheduled) AS last_scheduled, min(delay) AS best_delay, max(delay) AS worst_delay
  FROM deliveries GROUP BY origin, destination;
CREATE STREAM late WITH (key = 'origin', partitions = 4) AS
  SELECT origin, flight, destination, scheduled, delay FROM deliveries WHERE delay > 15;
CREATE MATERIALIZED VIEW late_board AS
  SELECT origin AS airport, count(*) AS late, max(delay) AS worst_delay, arg_max(flight, delay) AS worst_flight
  FROM late GROUP BY origin;
