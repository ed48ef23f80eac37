import { ConnectError, type StreamId, streamIdOf } from '../../protocol/index.ts'
import type { Logger } from 'pino'
import type { RejectsPort, RetriedRejects } from '../../sinks/destination-kind.ts'
import { type DestinationConfig, kindOf } from '../../sinks/registry.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { namedStreams } from '../../plan/streams/named-streams.ts'
import { connectionStreams } from '../connections/connection-streams.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { DestinationOf } from '../connections/destination-address.ts'
import { hidingLogin } from '../connections/hide-login.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { RejectService } from './contract.ts'
import type { Reject, RejectsChoice } from './schema.ts'

export interface RejectsOptions {
  readonly store: { readonly connections: Pick<ConnectionStore, 'get'> }
  readonly instances: Pick<InstanceService, 'discover'>
  readonly destinationOf: DestinationOf
  readonly logger: Logger
}

const standardLimit = 50

interface Opened {
  readonly config: DestinationConfig
  readonly port: RejectsPort<DestinationConfig>
  readonly streams: readonly SinkStream[]
}

/** Asks the destination, whose tables have the rejected records. */
export class DestinationRejectService implements RejectService {
  readonly #options: RejectsOptions

  constructor(options: RejectsOptions) {
    this.#options = options
  }

  list(
    connection: string,
    page: Parameters<RejectService['list']>[1],
  ): ReturnType<RejectService['list']> {
    const { limit = standardLimit, cursor, stream } = page
    return this.#opened(connection, async ({ port, config, streams }) => {
      const request = {
        connection,
        stream: idOf(connection, streams, stream),
        limit: limit + 1,
        after: cursor === undefined ? '' : Buffer.from(cursor, 'base64url').toString(),
      }
      const found = await port.list(config, request)
      const items = found.slice(0, limit)
      const last = items.at(-1)
      const hasMore = found.length > limit && last !== undefined
      return {
        items: items.map(({ stream: { name, namespace }, ...reject }): Reject => ({
          ...reject,
          stream: name,
          namespace: namespace ?? null,
          fields: [...reject.fields],
        })),
        next: hasMore ? Buffer.from(last.place).toString('base64url') : null,
      }
    })
  }

  retry(connection: string, { stream, keys }: RejectsChoice): Promise<RetriedRejects> {
    const { logger } = this.#options
    return this.#opened(connection, ({ port, config, streams }) =>
      port.retry(config, {
        ...{ connection, streams, logger },
        stream: idOf(connection, streams, stream),
        keys: keys ?? null,
      }),
    )
  }

  discard(connection: string, { stream, keys }: RejectsChoice): Promise<number> {
    return this.#opened(connection, ({ port, config, streams }) =>
      port.discard(config, {
        connection,
        stream: idOf(connection, streams, stream),
        keys: keys ?? null,
      }),
    )
  }

  async #opened<Result>(name: string, work: (opened: Opened) => Promise<Result>): Promise<Result> {
    const { store, instances, destinationOf } = this.#options
    const connection = await store.connections.get(name)
    const config = await destinationOf(connection)
    const { rejects: port } = kindOf(config)
    if (port === undefined)
      throw new ConnectError('destination_not_available', {
        details: {
          destination: connection.destination,
          reason: 'only connections to `instance:NAME` have a list of rejected records here',
          fix: 'Look at the rejected records where the warnings of the run say that they are.',
        },
      })
    const { streams } = await connectionStreams(connection, instances, { refresh: false })
    return hidingLogin(config, () => work({ config, port, streams }))
  }
}

/** Throws `stream_not_found`. */
function idOf(
  connection: string,
  streams: readonly SinkStream[],
  name: string | undefined,
): StreamId | undefined {
  if (name === undefined) return undefined
  const ids = streams.map(({ stream }) => streamIdOf(stream.stream))
  return namedStreams(connection, ids, [name])[0]
}
