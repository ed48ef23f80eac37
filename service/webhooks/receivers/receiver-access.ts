import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import { isChange, type ActionName } from '../../platform/access/actions.ts'
import type { NeededRights, RequestedAccess } from '../../platform/http/authorization.ts'
import type { ReceiverService } from './contract.ts'
import type { Receiver } from './schema.ts'
import { parseTarget } from './target.ts'

const params = z.object({ name: z.string() })
const withInstance = z.looseObject({ instance: z.string() })
const withDispatch = z.looseObject({ dispatch: z.array(z.unknown()) })
const withTarget = z.looseObject({ target: z.string() })

/** What a request about a receiver says, before it is validated, and what the receiver has already. */
interface Affected {
  readonly instance: string | null
  readonly targets: readonly string[]
}

/**
 * Whoever changes a receiver decides where the events of its instance go, and can have forged events loaded into the connections of its
 * targets: so they must be able to see the instance, and to change the connections.
 */
export function receiverRights(receivers: Pick<ReceiverService, 'get'>): NeededRights {
  return {
    async beside(request, action) {
      if (!action.startsWith('receivers:') || !isChange(action)) return []
      const { name } = params.safeParse(request.params).data ?? {}
      const stored = name === undefined ? null : await found(receivers, name)
      return rightsFor([affectedByBody(request), ...(stored === null ? [] : [affected(stored)])])
    },
  }
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
