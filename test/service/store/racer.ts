import { createInterface } from 'node:readline'
import { newId } from '../../../service/platform/database/ids.ts'
import { openStore } from '../../../service/store/open-store.ts'
import { silent } from '../../support/logger.ts'

/**
 * Prints `ready`. For each line that it gets, it tries to be the first for the runs and schedules of that
 * round and prints `done`. At the end it prints those that it won. Arguments: URL of the database, runs of a
 * round.
 */
const [url = '', count = '0'] = process.argv.slice(2)
await using store = await openStore({ url, logger: silent })
await store.ping()
const key = {
  id: newId('key'),
  name: 'first',
  kind: 'admin' as const,
  scopes: null,
  expiresAt: null,
  secretHash: Buffer.alloc(32),
}
const won: string[] = []
const [from, to] = ['2030-01-01T00:00:00.000Z', '2030-01-01T01:00:00.000Z']

async function race(round: number): Promise<void> {
  if (round === 0 && (await store.apiKeys.createFirst(key)) !== null) won.push('first key')
  const first = round * Number(count) + 1
  for (let n = first; n < first + Number(count); n++) {
    const claimed = store.runs.claim(`run_${n}`, `process ${process.pid}`, 60_000)
    const moved = store.connections.moveNextRun(`con_${n}`, from, to)
    if ((await claimed) !== null) won.push(`run_${n}`)
    if (await moved) won.push(`time of con_${n}`)
  }
}

process.stdout.write('ready\n')
for await (const round of createInterface({ input: process.stdin })) {
  await race(Number(round))
  process.stdout.write('done\n')
}
process.stdout.write(`${won.join('\n')}\n`)
