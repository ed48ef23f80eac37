/** Keys that were made before there were kinds could do everything, and go on so. */
export const access = `
ALTER TABLE reactor_connect_service.api_keys
  ADD COLUMN kind text NOT NULL DEFAULT 'admin'
    CHECK (kind IN ('admin', 'operator', 'viewer', 'agent')),
  ADD COLUMN scopes json,
  ADD COLUMN expires_at timestamptz;
ALTER TABLE reactor_connect_service.api_keys ALTER COLUMN kind DROP DEFAULT;
`
