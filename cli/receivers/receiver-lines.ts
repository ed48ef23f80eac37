import type { z } from 'zod'
import type { receiverDocument } from '../../service/webhooks/receivers/schema.ts'
import { formatTime } from '../output/format-time.ts'
import { table } from '../output/table.ts'

/** One receiver, for a person. */
export function receiverLines(receiver: z.output<typeof receiverDocument>): string {
  const { name, instance, webhook, rules, dispatch, status, description, version } = receiver
  const { previous_token_until: tokenUntil, previous_secret_until: secretUntil } = receiver
  const secret = receiver.has_secret ? 'set' : 'missing: nothing is accepted'
  return table([
    ['name', name],
    ['instance', instance ?? 'none'],
    rules === null ? ['webhook', webhook ?? ''] : ['rules', JSON.stringify(rules)],
    ...dispatch.map(({ target, order_by: orderBy, sweep_every: every }) => [
      'target',
      [
        target,
        ...(orderBy === undefined ? [] : [`in order of ${orderBy}`]),
        ...(every === undefined ? [] : [`every ${String(every)}th scheduled run`]),
      ].join(', '),
    ]),
    ['status', status],
    ['secret', until(secret, secretUntil)],
    ...(tokenUntil === null ? [] : [['address before', `until ${formatTime(tokenUntil)}`]]),
    ...(description === null ? [] : [['description', description]]),
    ...receiver.warnings.map((warning) => ['warning', warning]),
    ['version', String(version)],
    ['updated', formatTime(receiver.updated_at)],
  ])
}

function until(secret: string, time: string | null): string {
  return time === null ? secret : `${secret}; the one before until ${formatTime(time)}`
}

/** `ingress_url: https://…`, and the secrets that the service made. */
export function shownOnceLines(shown: {
  readonly ingress_url?: string
  readonly signing_secret: string | null
  readonly dispatch_secret: string | null
}): string {
  const { ingress_url: url, signing_secret: signing, dispatch_secret: dispatch } = shown
  return [
    ['ingress_url', url],
    ['signing_secret', signing],
    ['dispatch_secret', dispatch],
  ]
    .flatMap(([name, value]) => (typeof value === 'string' ? [`${name ?? ''}: ${value}\n`] : []))
    .join('')
}
