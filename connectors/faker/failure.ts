import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { ConnectError } from '../../protocol/index.ts'
import type { FakerStream } from './config.ts'

type Failure = NonNullable<FakerStream['fail']>

/**
 * Whether the stream should still fail: `times` is counted in a file, because a crash forgets everything
 * else.
 */
export async function willFail(failure: Failure): Promise<boolean> {
  const { times, counter_file: counterFile } = failure
  if (times === undefined || counterFile === undefined) return true
  return (await sizeOf(counterFile)) < times
}

/** Fails as configured. Never resolves. */
export async function failAs(stream: string, failure: Failure): Promise<never> {
  if (failure.counter_file !== undefined) await countIn(failure.counter_file)
  const details = { stream, row: failure.at_row }
  switch (failure.kind) {
    case 'error':
      throw new ConnectError('simulated_failure', { details })
    case 'config_error':
      throw new ConnectError('simulated_config_error', { details })
    case 'exit':
      // In a worker this ends the thread, on the main thread the process.
      return process.exit(86)
    case 'out_of_memory':
      return fillHeap()
    case 'hang':
      return hang()
  }
}

/** Never through a link: it would lead out of the folder for temporary files. */
async function countIn(file: string): Promise<void> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants
  await using handle = await open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
  await handle.write('.')
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return 0
    throw thrown
  }
}

/** Arrays of numbers live in the heap that `resourceLimits` bounds; buffers would not. */
function fillHeap(): never {
  const held: number[][] = []
  for (;;) held.push(Array.from({ length: 100_000 }, (_, index) => index + held.length + 0.5))
}

/** The timer keeps the thread alive, as a stuck socket would. */
async function hang(): Promise<never> {
  setInterval(() => undefined, 60_000)
  return new Promise<never>(() => undefined)
}
