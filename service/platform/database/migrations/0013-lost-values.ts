/** How many values of a stream did not arrive as they came; before, the warnings alone said so. */
export const lostValues = `
ALTER TABLE reactor_connect_service.run_streams
  ADD COLUMN nulled bigint NOT NULL DEFAULT 0,
  ADD COLUMN cut bigint NOT NULL DEFAULT 0;
`
