/** What a run did to the columns of a stream's table; before, its log alone had it. */
export const tableChanges = `
ALTER TABLE reactor_connect_service.run_streams ADD COLUMN table_changes json NOT NULL DEFAULT '[]';
`
