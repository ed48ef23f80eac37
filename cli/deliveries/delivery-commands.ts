import type { z } from 'zod'
import {
  changedDeliveriesDocument,
  deliveryDocument,
  deliveryPayloadDocument,
} from '../../service/webhooks/deliveries/schema.ts'
import { maskedTarget } from '../../service/webhooks/receivers/masked-target.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines } from '../output/list-lines.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import { counted } from '../run/amounts.ts'
import { usageError } from '../usage-error.ts'

type DeliveryDocument = z.output<typeof deliveryDocument>
type Dispatch = DeliveryDocument['dispatches'][number]
type DeliveryPayloadDocument = z.output<typeof deliveryPayloadDocument>

export interface FilterFlags {
  readonly status?: string
  readonly kind?: string
  readonly eventType?: string
  readonly eventId?: string
  readonly target?: string
  readonly since?: string
  readonly until?: string
}

export interface ListFlags extends FilterFlags {
  readonly limit: number
}

export async function listDeliveries(
  { client, output }: CommandContext,
  receiver: string | undefined,
  flags: ListFlags,
): Promise<number> {
  const query = { receiver, ...filterOf(flags) }
  const { limit } = flags
  const path = apiPath('deliveries')
  const listed = await listPages(client, { path, item: deliveryDocument, query, limit })
  await showResult(output, listed.json, () =>
    listLines({
      ...(isByTarget(flags) ? targetRows(listed.documents, flags) : deliveryRows(listed.documents)),
      columns: output.columns,
      dispensable: ['KIND', 'RECEIVER', 'EVENT'],
      empty: {
        what: 'deliveries',
        filters: query,
        next: 'reactor connect receivers list',
        all: 'reactor connect deliveries list',
      },
    }),
  )
  return exitCodes.complete
}

export async function showDelivery(
  { client, output }: CommandContext,
  receiver: string,
  id: string,
): Promise<number> {
  const path = apiPath('receivers', receiver, 'deliveries', id)
  const { json, document } = await client.ask({ method: 'GET', path }, deliveryPayloadDocument)
  await showResult(output, json, () => deliveryLines(document, output.columns))
  return exitCodes.complete
}

export async function changeDeliveries(
  { client, output }: CommandContext,
  verb: 'replay' | 'discard',
  flags: FilterFlags & { readonly ids: readonly string[]; readonly receiver?: string },
): Promise<number> {
  const { ids, receiver } = flags
  const filter = Object.entries({ receiver, ...filterOf(flags) }).filter(
    ([, value]) => value !== undefined,
  )
  if (ids.length === 0 && filter.length === 0)
    throw usageError(
      `which deliveries to ${verb} is not said`,
      `Give ids, or options that choose them: \`reactor connect deliveries ${verb} --receiver NAME --status dead\`.`,
    )
  const chosen = { ...(ids.length > 0 && { ids }), ...Object.fromEntries(filter) }
  let count = 0
  for (let after: string | null | undefined; after !== null;) {
    const body: object = { ...chosen, ...(after !== undefined && { after }) }
    const path = apiPath('deliveries', verb)
    const answer = await client.ask({ method: 'POST', path, body }, changedDeliveriesDocument)
    count += answer.document.count
    after = answer.document.next
  }
  await showResult(output, { count }, () => changedText(verb, count))
  return exitCodes.complete
}

function changedText(verb: 'replay' | 'discard', count: number): string {
  const events = counted(count, 'event')
  if (count === 0) return `nothing to ${verb}: no delivery matches\n`
  return verb === 'replay' ? `${events} will be sent again\n` : `${events} discarded\n`
}

function filterOf(flags: FilterFlags): Readonly<Record<string, string | undefined>> {
  const { status, kind, eventType, eventId, target, since, until } = flags
  return { status, kind, event_type: eventType, event_id: eventId, target, since, until }
}

interface Lines {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

function deliveryRows(deliveries: readonly DeliveryDocument[]): Lines {
  return {
    header: [...factsHeader, 'STATUS', 'ERROR'],
    rows: deliveries.map((delivery) => [
      ...factsOf(delivery),
      statusText(delivery),
      delivery.dispatches.map(errorText).find((text) => text !== '') ?? '',
    ]),
  }
}

/**
 * Shows the state at the targets that were asked for: at other targets, the same delivery may wait or be
 * done, for other reasons.
 */
function targetRows(deliveries: readonly DeliveryDocument[], flags: FilterFlags): Lines {
  const target = flags.target === undefined ? undefined : maskedTarget(flags.target)
  const isChosen = (dispatch: Dispatch): boolean =>
    (flags.status === undefined || dispatch.status === flags.status) &&
    (target === undefined || dispatch.target === target)
  return {
    header: [...factsHeader, 'TARGET', 'STATUS', 'ERROR'],
    rows: deliveries.flatMap((delivery) =>
      delivery.dispatches
        .filter(isChosen)
        .map((dispatch) => [
          ...factsOf(delivery),
          dispatch.target,
          dispatch.status,
          errorText(dispatch),
        ]),
    ),
  }
}

function isByTarget({ status, target }: FilterFlags): boolean {
  return status !== undefined || target !== undefined
}

const factsHeader = ['DELIVERY', 'RECEIVER', 'RECEIVED', 'EVENT', 'KIND']

function factsOf(delivery: DeliveryDocument): readonly string[] {
  const { id, receiver, received_at: receivedAt, event_id: event, event_type: type } = delivery
  return [id, receiver, formatTime(receivedAt), type ?? event, delivery.kind]
}

/** `done`, or how many targets have which status. */
function statusText({ dispatches }: DeliveryDocument): string {
  const counts = new Map<string, number>()
  for (const { status } of dispatches) counts.set(status, (counts.get(status) ?? 0) + 1)
  if (counts.size === 1 && dispatches.length === 1) return dispatches[0]?.status ?? ''
  return [...counts].map(([status, count]) => `${status} ${String(count)}`).join(', ')
}

function errorText({ error }: Dispatch): string {
  return typeof error?.message === 'string' ? error.message : ''
}

function deliveryLines(delivery: DeliveryPayloadDocument, columns: number | undefined): string {
  const facts = table([
    ['delivery', delivery.id],
    ['receiver', delivery.receiver],
    ['event', delivery.event_id],
    ['type', delivery.event_type ?? ''],
    ['kind', delivery.kind],
    ['received', formatTime(delivery.received_at)],
    ['bytes', String(delivery.bytes)],
  ])
  const dispatches = table(
    delivery.dispatches.map((dispatch) => [
      dispatch.target,
      dispatch.status,
      String(dispatch.attempts),
      formatTime(dispatch.next_attempt_at),
      formatTime(dispatch.ended_at),
      errorText(dispatch),
    ]),
    {
      header: ['TARGET', 'STATUS', 'ATTEMPTS', 'NEXT', 'ENDED', 'ERROR'],
      columns,
      dispensable: ['ENDED', 'ATTEMPTS', 'NEXT'],
    },
  )
  const targets = delivery.dispatches.length === 0 ? 'it goes to no target\n' : dispatches
  const headers = Object.entries(delivery.headers).map(([name, value]) =>
    plainText(`${name}: ${value}`),
  )
  const body =
    delivery.body_encoding === 'base64'
      ? `body, in base64:\n${delivery.body}`
      : delivery.body.split('\n').map(plainText).join('\n')
  return `${facts}\n${targets}\n${[...headers, '', body].join('\n')}\n`
}
