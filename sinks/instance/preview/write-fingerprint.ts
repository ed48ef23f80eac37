import { createHash } from 'node:crypto'
import { streamKey } from '../../../protocol/index.ts'
import type { SandboxBasis } from '../../destination-kind.ts'
import { writtenStreams } from '../documents.ts'
import type { InstanceConfig } from '../instance-place.ts'
import { bindStream, openWriter, targetOf } from '../open-writer.ts'
import { WriteStore } from '../store/write-store.ts'

/** Equal as long as a run would begin in the same way, with the same mapping, into the same account. */
export async function writeFingerprint(
  config: InstanceConfig,
  { connection, streams, logger }: SandboxBasis,
): Promise<string> {
  const ended = new AbortController()
  await using store = await WriteStore.open(config.store)
  await using writer = await openWriter(config, { logger, signal: ended.signal })
  const stored = await writtenStreams(store, connection)
  const checkpoints = stored
    .map(({ id, record: { run, syncId, epoch, complete, slices } }) => {
      const states = slices.map(({ slice, state }) => [slice, state])
      return [streamKey(id), run, syncId, epoch, complete, states]
    })
    .toSorted((first, second) => (JSON.stringify(first) < JSON.stringify(second) ? -1 : 1))
  const targets = []
  for (const sink of streams) {
    try {
      const mapping = await bindStream(sink, config, writer)
      const { place } = await targetOf(sink, config, mapping)
      targets.push([place, mapping.fields.map(({ field: { name } }) => name)])
    } catch (error) {
      // The sandbox shows why the stream cannot be written.
      targets.push([error instanceof Error ? error.message : String(error)])
    }
  }
  const { rules, options } = config
  const facts = { rules, options, checkpoints, targets }
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}
