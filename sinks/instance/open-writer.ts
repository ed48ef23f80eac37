import type { Logger } from 'pino'
import type { RecordWriter } from '../../connectors/record-writer.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { ConnectError } from '../../protocol/index.ts'
import { streamIdOf, streamKey } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'
import type { InstanceConfig } from './instance-place.ts'
import { bindMapping, type BoundMapping, objectName, ruleOf } from './mapping/bind-mapping.ts'
import type { WriteTarget } from './store/write-store.ts'

/** The writer of the instance. Throws `write_unsupported` if its connector cannot write. */
export async function openWriter(
  { connector: type, config, allowedNetworks, instance }: InstanceConfig,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<RecordWriter> {
  const { writes, descriptor } = await connectorOf(type)
  if (writes === undefined)
    throw new ConnectError('write_unsupported', {
      details: { instance, connector: descriptor.title },
    })
  return writes.open(config, { logger, signal, allowedNetworks, instance, now: Date.now })
}

/** The mapping of a stream, bound to the vendor's object. Throws what describing it throws. */
export async function bindStream(
  sink: SinkStream,
  { rules }: Pick<InstanceConfig, 'rules'>,
  writer: Pick<RecordWriter, 'describe'>,
): Promise<BoundMapping> {
  const rule = ruleOf(sink, rules)
  return bindMapping(sink, rule, await writer.describe(objectName(sink, rule)))
}

export async function targetOf(
  sink: SinkStream,
  { instance, connector, config }: InstanceConfig,
  { object, keyField }: BoundMapping,
): Promise<WriteTarget> {
  const { writes } = await connectorOf(connector)
  return {
    connection: sink.connection,
    stream: streamKey(streamIdOf(sink.stream.stream)),
    place: JSON.stringify([instance, writes?.account(config) ?? '', object.name, keyField]),
  }
}
