import { once } from 'node:events'
import { openStore } from '../../../../service/store/open-store.ts'
import { silent } from '../../../support/logger.ts'

/** Holds a lock until it is killed. */
const [url = '', lock = ''] = process.argv.slice(2)
await using store = await openStore({ url, logger: silent })
await store.runExclusively(lock, async () => {
  process.stdout.write('ready\n')
  setInterval(() => undefined, 60_000)
  await once(process, 'SIGTERM')
})
