import { setTimeout as sleep } from 'node:timers/promises'
import { openStore } from '../../../service/store/open-store.ts'
import { silent } from '../../support/logger.ts'

/** Claims a run and beats, until it is killed. */
const [url = '', run = ''] = process.argv.slice(2)
await using store = await openStore({ url, logger: silent })
const owner = `process ${process.pid}`
if ((await store.runs.claim(run, owner, 60_000)) === null) throw new Error('not claimed')
process.stdout.write('ready\n')
while ((await store.runs.progress(run, owner, [])) === 'continue') await sleep(100)
