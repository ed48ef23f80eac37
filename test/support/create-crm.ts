import { importManifest } from './import-manifest.ts'
import type { AuthorizationServer } from '../fakes/authorization-server.ts'
import type { TestApi } from './test-api.ts'

type Vendor = Pick<AuthorizationServer, 'issuer' | 'clientId' | 'clientSecret'>

const awayVendor: Vendor = {
  issuer: 'http://127.0.0.1:1',
  clientId: 'connect',
  clientSecret: 'kit-client-secret',
}

/**
 * An instance of crm.yaml, which a browser authorizes at the vendor. Without one there is nobody at its
 * address.
 */
export async function createCrm(
  { service, catalogDir }: TestApi,
  name: string,
  { issuer, clientId, clientSecret }: Vendor = awayVendor,
): Promise<void> {
  await importManifest(catalogDir, 'crm')
  const credentials = {
    auth_type: 'oauth',
    client_id: clientId,
    client_secret: clientSecret,
  }
  await service.instances.create({ name, type: 'crm', config: { base_url: issuer, credentials } })
}
