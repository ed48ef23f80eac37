import { setTimeout as delay } from 'node:timers/promises'
import { FolderLock } from '../../../../service/platform/vault/folder-lock.ts'

/**
 * A process that takes the lock again as soon as it has released it, until it is killed. It prints a line
 * when it has begun.
 */
const [file = ''] = process.argv.slice(2)
const lock = await FolderLock.open(file)
for (let turn = 1; ; turn += 1) {
  await lock.hold(() => delay(3))
  if (turn === 1) process.stdout.write('begun\n')
}
