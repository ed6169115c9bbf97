-- Events with ids (repeats are dropped by id) and transfers without (repeats are refused by Idempotency-Key).
CREATE STREAM events (id bigint NOT NULL, grp text NOT NULL, amount integer NOT NULL)
  WITH (key = 'grp', id = 'id', partitions = 3);
CREATE STREAM transfers (debit text NOT NULL, credit text NOT NULL, amount bigint NOT NULL) WITH (partitions = 2);

CREATE MATERIALIZED VIEW event AS SELECT id, grp, amount FROM events;
CREATE MATERIALIZED VIEW totals AS SELECT grp, count(*) AS events, sum(amount) AS amount FROM events GROUP BY grp;
CREATE MATERIALIZED VIEW sizes AS
  SELECT events AS size, count(*) AS groups FROM (SELECT grp, count(*) AS events FROM events GROUP BY grp) g
  GROUP BY events;
CREATE STREAM large WITH (key = 'grp', partitions = 2) AS SELECT id, grp, amount FROM events WHERE amount > 500;
CREATE MATERIALIZED VIEW large_totals AS SELECT grp, count(*) AS events, sum(amount) AS amount FROM large GROUP BY grp;
CREATE MATERIALIZED VIEW moved AS SELECT count(*) AS transfers, sum(amount) AS amount FROM transfers;
