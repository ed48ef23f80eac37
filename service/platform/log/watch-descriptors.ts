import { open, readFile } from 'node:fs/promises'
import { devNull } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { LimitedLog } from './limited-log.ts'

const lookEveryMs = 1_000
const messages: Readonly<Record<string, string>> = {
  EMFILE:
    'this process has no file descriptors left: new connections are closed without a response. Raise its limit (`ulimit -n`, or `LimitNOFILE` of systemd) and start it again',
  ENFILE:
    'this machine has no file descriptors left: new connections are closed without a response. Raise `fs.file-max`, or end programs that hold many',
}

/**
 * Logs when no connection can be accepted for lack of file descriptors, until the signal is aborted. Node
 * does not report this: it closes such a connection and goes on. So this function opens a file each second,
 * and closes it.
 */
export async function watchDescriptors(logger: Logger, signal: AbortSignal): Promise<void> {
  const log = new LimitedLog(logger)
  const limit = await descriptorLimit()
  while (!signal.aborted) {
    const code = await openFailure()
    const message = messages[code ?? '']
    if (code !== undefined && message !== undefined)
      log.line(code, { level: 'error', facts: { reason: code, limit }, message })
    await delay(lookEveryMs, undefined, { signal }).catch(() => undefined)
  }
}

async function openFailure(): Promise<string | undefined> {
  try {
    await (await open(devNull)).close()
    return undefined
  } catch (error) {
    return errorCodeOf(error)
  }
}

/** Undefined if the system does not say it. */
async function descriptorLimit(): Promise<number | undefined> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1]
  return soft === undefined ? undefined : Number(soft)
}
