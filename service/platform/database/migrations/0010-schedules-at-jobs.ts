/**
 * What an external Jobs service was told of schedules, and which of its jobs have been acted on. `schedules_at_jobs` has no
 * reference to a connection: its row stays until Jobs has deleted the schedule of a connection that is gone.
 */
export const schedulesAtJobs = `
CREATE TABLE reactor_connect_service.schedules_at_jobs (
  place text COLLATE "C" NOT NULL, -- address of the Jobs service
  connection_id text COLLATE "C" NOT NULL,
  sent json, -- NULL: it is not known what Jobs has
  tried_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (place, connection_id)
);

CREATE TABLE reactor_connect_service.schedule_jobs (
  connection_id text COLLATE "C" NOT NULL
    CONSTRAINT schedule_jobs_connection
      REFERENCES reactor_connect_service.connections ON DELETE CASCADE,
  job text COLLATE "C" NOT NULL,
  run_id text COLLATE "C" NOT NULL UNIQUE, -- the run that it started, or would have started
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (connection_id, job)
);
CREATE INDEX schedule_jobs_by_age ON reactor_connect_service.schedule_jobs (seen_at);
`
