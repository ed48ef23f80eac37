/** A sandbox that a promotion has found outdated says which newer one stands in its place. */
export const replacedSandboxes = `
ALTER TABLE reactor_connect_service.sandboxes
  ADD COLUMN replaced_by text COLLATE "C";
`
