/** The warnings of a run as a whole; before, its log alone had them. */
export const runWarnings = `
ALTER TABLE reactor_connect_service.runs ADD COLUMN warnings json NOT NULL DEFAULT '[]';
`
