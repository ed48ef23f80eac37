import type { Logger } from 'pino'
import type { ActionContext } from '../../../connectors/connector.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import type { SideName } from '../../../sinks/two-way/link.ts'
import type { PairStream } from '../pair-types.ts'
import type { TwoWaySession } from '../postgres/two-way-session.ts'
import { ConnectorSide } from './connector-side.ts'
import { StoredStates } from './stored-states.ts'
import { readObjectShape, type ObjectOptions, type ObjectShape } from './object-shape.ts'

/** A vendor as a side of a pair. */
export interface ConnectorPlace {
  /** The type of the connector: `salesforce`. */
  readonly connector: string
  /** With its secrets. */
  readonly config: JsonObject
  /** The name of the instance, for errors. */
  readonly instance: string
  readonly allowedNetworks: readonly string[]
  /**
   * `guarded`: the vendor refuses a write if the record has changed, with more calls. `fast`: the record is
   * read just before it is written, which leaves a window of one call. Default: `guarded`.
   */
  readonly mode?: 'guarded' | 'fast' | undefined
  /** For so long a read may be older than what the vendor already has. Default: 0. */
  readonly lagMs?: number | undefined
  /** A request that has not arrived after this time will not arrive any more. Default: two minutes. */
  readonly settleMs?: number | undefined
  /** Stores a configuration that the connector has changed, and how it waits. */
  readonly context?: Pick<ActionContext, 'changeConfig' | 'waits' | 'secretFound'> | undefined
}

/** A stream of the pair, and the vendor's object. */
export interface ConnectorStream extends Pick<
  PairStream,
  'name' | 'deletes' | 'matchField' | 'mayCreate'
> {
  readonly place: ObjectOptions
}

export interface OpenSideContext {
  /** The name of the pair. */
  readonly pair: string
  readonly side: SideName
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Opens a session of the database with the links. */
  readonly openSession: () => TwoWaySession
  now(): number
}

export interface OpenConnectorSide extends AsyncDisposable {
  readonly side: ConnectorSide
}

const requestMs = 120_000

/** Opens objects of a vendor as a side. Throws `write_unsupported` or `pair_stream_invalid`. */
export async function openConnectorSide(
  place: ConnectorPlace,
  streams: readonly ConnectorStream[],
  context: OpenSideContext,
): Promise<OpenConnectorSide> {
  const { pair, side, logger, signal, openSession } = context
  const now = (): number => context.now()
  const connector = await connectorOf(place.connector)
  const { config, instance, allowedNetworks } = place
  if (connector.writes === undefined)
    throw new ConnectError('write_unsupported', {
      details: { instance, connector: connector.descriptor.title },
    })
  const own = { ...place.context, logger, signal, allowedNetworks, instance, now }
  await using stack = new AsyncDisposableStack()
  const writer = stack.use(await connector.writes.open(config, own))
  const shapes = new Map<string, ObjectShape>()
  for (const { name, deletes, matchField, mayCreate, place: options } of streams) {
    const use = {
      name,
      deletes,
      creates: mayCreate[side],
      ...(matchField !== undefined && { matchField }),
    }
    shapes.set(name, await readObjectShape(options, use, writer))
  }
  const states = new StoredStates(stack.use(openSession()), { pair, side })
  const opened = new ConnectorSide({
    source: { connector, config, context: own },
    ...{ writer, shapes, states, openSession, logger, signal, now, mode: place.mode ?? 'guarded' },
    facts: { lagMs: place.lagMs ?? 0, settleMs: place.settleMs ?? requestMs },
  })
  stack.use(opened)
  const all = stack.move()
  return { side: opened, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
