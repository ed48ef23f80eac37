/** `read` counts a record once; reads of records that an interruption had lost are apart. */
export const readAgain = `
ALTER TABLE reactor_connect_service.run_streams
  ADD COLUMN read_again bigint NOT NULL DEFAULT 0;
`
