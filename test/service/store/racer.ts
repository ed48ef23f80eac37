import { once } from 'node:events'
import { newId } from '../../../service/platform/database/ids.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { silent } from '../../support/logger.ts'

/** Says `ready`, tries to be the first for everything once it is told to go, and tells what it won. */
const [url = ''] = process.argv.slice(2)
await using store = await openStore({ url, logger: silent })
await store.ping()
process.stdout.write('ready\n')
await once(process.stdin, 'data')
process.stdin.destroy()
const key = {
  id: newId('key'),
  name: 'first',
  kind: 'admin' as const,
  scopes: null,
  expiresAt: null,
  secretHash: Buffer.alloc(32),
}
const won: string[] = []
if ((await store.apiKeys.createFirst(key)) !== null) won.push('first key')
const [from, to] = ['2030-01-01T00:00:00.000Z', '2030-01-01T01:00:00.000Z']
for (let n = 1; n <= 200; n++) {
  const claimed = store.runs.claim(`run_${n}`, `process ${process.pid}`, 60_000)
  const moved = store.connections.moveNextRun(`con_${n}`, from, to)
  if ((await claimed) !== null) won.push(`run_${n}`)
  if (await moved) won.push(`time of con_${n}`)
}
process.stdout.write(`${won.join('\n')}\n`)
