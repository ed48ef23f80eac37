import type { MessagePort } from 'node:worker_threads'
import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import type { LaneName } from '../stream-log.ts'

const opened = new WeakSet<MessagePort>()

/**
 * A lane has one writer and one reader: a second opening of the same end would take entries from the first.
 */
export function openPort(port: MessagePort, { connection, stream, partition }: LaneName): void {
  if (opened.has(port)) {
    throw new ConnectError('log_lane_in_use', {
      details: { connection, stream: streamLabel(stream), partition },
    })
  }
  opened.add(port)
}
