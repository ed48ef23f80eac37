/** An entry with `counted_under` stands for all attempts with that key. */
export const auditDetails = `
ALTER TABLE reactor_connect_service.audit_log
  ADD COLUMN details jsonb,
  ADD COLUMN counted_under text COLLATE "C" UNIQUE;
`
