import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import { isChange, type ActionName } from '../../platform/access/actions.ts'
import type { Page } from '../../platform/lists.ts'
import type { NeededRights, RequestedAccess } from '../../platform/http/authorization.ts'
import type { ReceiverService } from './contract.ts'
import type { Receiver } from './schema.ts'
import { parseTarget } from './target.ts'

const params = z.object({ name: z.string() })
const withInstance = z.looseObject({ instance: z.string() })
const withDispatch = z.looseObject({ dispatch: z.array(z.unknown()) })
const withReceiver = z.looseObject({ receiver: z.string() })
const withTarget = z.looseObject({ target: z.string() })

/**
 * The facts that a request about a receiver states, before it is validated, or that the receiver already has.
 */
interface Affected {
  readonly instance: string | null
  readonly targets: readonly string[]
}

/** They show or send what events say. */
const onDeliveries: ReadonlySet<ActionName> = new Set([
  'deliveries:payload',
  'deliveries:replay',
  'deliveries:discard',
])
const pageOfReceivers = 200

/**
 * A caller that reads events, or sends them again, must be able to see the instances that the events are
 * from. A caller that changes a receiver decides where the events of its instance go, and can have forged
 * events loaded into the connections of its targets: so the caller must be able to see the instance, and to
 * change the connections.
 */
export function receiverRights(receivers: Pick<ReceiverService, 'get' | 'list'>): NeededRights {
  return {
    async beside(request, action) {
      if (onDeliveries.has(action)) return deliveryRights(request, receivers)
      if (!action.startsWith('receivers:') || !isChange(action)) return []
      const { name } = params.safeParse(request.params).data ?? {}
      const stored = name === undefined ? null : await found(receivers, name)
      return rightsFor([affectedByBody(request), ...(stored === null ? [] : [affected(stored)])])
    },
  }
}

/** A request that names no receiver may be about the events of all. */
async function deliveryRights(
  { params: path, body }: Pick<FastifyRequest, 'params' | 'body'>,
  receivers: Pick<ReceiverService, 'get' | 'list'>,
): Promise<readonly RequestedAccess[]> {
  const name = params.safeParse(path).data?.name ?? withReceiver.safeParse(body).data?.receiver
  const receiver = name === undefined ? undefined : await found(receivers, name)
  const all =
    receiver === undefined ? await everyReceiver(receivers) : receiver === null ? [] : [receiver]
  return rightsFor(all.map(({ instance }) => ({ instance, targets: [] })))
}

async function everyReceiver(
  receivers: Pick<ReceiverService, 'list'>,
): Promise<readonly Receiver[]> {
  const all: Receiver[] = []
  let cursor: string | null = null
  do {
    const page: Page<Receiver> = await receivers.list({
      limit: pageOfReceivers,
      ...(cursor !== null && { cursor }),
    })
    all.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return all
}

function rightsFor(all: readonly Affected[]): readonly RequestedAccess[] {
  const instances = all.flatMap(({ instance }) => (instance === null ? [] : [instance]))
  const connections = all.flatMap(({ targets }) => targets.flatMap(connectionsOf))
  const access = (
    action: ActionName,
    kind: 'instance' | 'connection',
    names: readonly string[],
  ): readonly RequestedAccess[] =>
    [...new Set(names)].map((name) => ({ action, resource: { kind, name } }))
  return [
    ...access('instances:read', 'instance', instances),
    ...access('connections:update', 'connection', connections),
  ]
}

function connectionsOf(text: string): readonly string[] {
  const target = parseTarget(text)
  return target?.kind === 'stream' ? [target.connection] : []
}

function affectedByBody({ body }: Pick<FastifyRequest, 'body'>): Affected {
  const { dispatch = [] } = withDispatch.safeParse(body).data ?? {}
  const targets = dispatch.flatMap((item) => withTarget.safeParse(item).data?.target ?? [])
  return { instance: withInstance.safeParse(body).data?.instance ?? null, targets }
}

function affected({ instance, dispatch }: Receiver): Affected {
  return { instance, targets: dispatch.map(({ target }) => target) }
}

/** null: there is none, which the route says. */
async function found(
  receivers: Pick<ReceiverService, 'get'>,
  name: string,
): Promise<Receiver | null> {
  try {
    return await receivers.get(name)
  } catch (error) {
    if (error instanceof ConnectError && error.code === 'receiver_not_found') return null
    throw error
  }
}
