/**
 * The demo's source database. `updated_at` says when a row was last written: the cursor of an incremental
 * sync.
 */
export const sourceSchema = `
  CREATE SCHEMA aviation;

  CREATE TABLE aviation.airports (
    iata text PRIMARY KEY,
    name text NOT NULL,
    city text,
    state text,
    country text NOT NULL,
    latitude numeric(11, 8) NOT NULL,
    longitude numeric(11, 8) NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );

  CREATE TABLE aviation.routes (
    origin text REFERENCES aviation.airports,
    destination text REFERENCES aviation.airports,
    flights_in_2008 integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (origin, destination)
  );

  CREATE TABLE aviation.flights (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    departs_at timestamp NOT NULL,
    delay_minutes integer NOT NULL,
    distance_miles integer NOT NULL,
    origin text NOT NULL REFERENCES aviation.airports,
    destination text NOT NULL REFERENCES aviation.airports,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );

  CREATE TABLE aviation.wildlife_strikes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    airport text NOT NULL,
    aircraft text NOT NULL,
    damage text NOT NULL,
    happened_on date NOT NULL,
    operator text NOT NULL,
    state text NOT NULL,
    phase_of_flight text,
    wildlife_size text,
    species text NOT NULL,
    time_of_day text,
    cost_other numeric(12, 2),
    cost_repair numeric(12, 2),
    cost_total numeric(12, 2),
    speed_knots integer,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
`
