import { once } from 'node:events'
import { InstanceOAuth } from '../../../service/oauth/instance-oauth.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { descriptorOf, instanceOf } from './oauth-connector.ts'
import { silent } from '../../support/logger.ts'

/** A process that asks for fresh secrets once a line comes in, and prints the access token. */
const [url = '', folder = '', issuer = '', id = '', nowMs = ''] = process.argv.slice(2)
await using store = await openStore({ url, logger: silent })
await using vault = await openFileVault({ folder })
const descriptor = descriptorOf({
  issuer,
  authorizeUrl: `${issuer}/auth`,
  tokenUrl: `${issuer}/token`,
})
await using oauth = new InstanceOAuth({
  store,
  vault,
  allowedNetworks: ['127.0.0.1/32'],
  callbackUrl: 'https://connect.example/callback',
  find: () => Promise.resolve(instanceOf(id, descriptor)),
  now: () => Number(nowMs),
})
process.stdout.write('ready\n')
await once(process.stdin, 'data')
process.stdin.destroy()
const secrets = await oauth.freshSecrets(instanceOf(id, descriptor))
process.stdout.write(`${JSON.stringify(secrets['/access_token'])}\n`)
