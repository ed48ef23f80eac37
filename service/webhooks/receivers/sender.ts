import type { ConnectorDescriptor } from '../../../connectors/connector.ts'
import { standardWebhooks, type WebhookSignature } from '../../../connectors/webhook-signature.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { requestInvalid } from '../../platform/http/error-response.ts'
import { keyOf } from '../signature/hmac.ts'
import { rulesProblems } from './rules-problems.ts'
import type { DeliveryRules, ReceiverInput } from './schema.ts'

/** The sender of a receiver's deliveries, and its rules. */
export interface Sender {
  /** The webhook of the receiver's connector; null: the receiver has its own rules. */
  readonly webhook: string | null
  /** null: those of the webhook. */
  readonly rules: DeliveryRules | null
  readonly signature: WebhookSignature
  readonly secretFrom: 'vendor' | 'user'
  /** For messages. */
  readonly title: string
}

/** https://www.standardwebhooks.com: five minutes, and a body of `type`, `timestamp`, `data`. */
export const standardRules: DeliveryRules = {
  signature: standardWebhooks,
  eventId: 'header:webhook-id',
  eventType: '/type',
  replayWindowSeconds: 300,
}

type Choice = Pick<ReceiverInput, 'webhook' | 'rules'>

/** `descriptor`: of the instance's connector. Throws `webhook_not_found`, `request_invalid`. */
export function senderOf(descriptor: ConnectorDescriptor | undefined, choice: Choice): Sender {
  if (descriptor !== undefined && descriptor.webhooks.length > 0)
    return vendorSender(descriptor, choice)
  const { webhook, rules = standardRules } = choice
  if (webhook === undefined) return ownSender(rules)
  if (descriptor === undefined)
    throw requestInvalid(['body/webhook: only the connector of an instance has webhooks'])
  const fix =
    'It has none. Leave `webhook` out, and give `rules` that say how the sender signs: docs/webhooks.md explains them.'
  throw webhookNotFound(descriptor.type, webhook, fix)
}

function vendorSender(
  { type, title, webhooks }: ConnectorDescriptor,
  { webhook, rules }: Choice,
): Sender {
  if (rules !== undefined)
    throw requestInvalid([
      `body/rules: the connector ${type} has rules of its own; leave them out, or leave the instance out`,
    ])
  const names = webhooks.map(({ name }) => name).join(', ')
  const [only, ...more] = webhooks
  if (webhook === undefined && more.length > 0)
    throw requestInvalid([`body/webhook: ${type} has more than one: ${names}`])
  const found = webhook === undefined ? only : webhooks.find(({ name }) => name === webhook)
  if (found === undefined)
    throw webhookNotFound(type, webhook ?? '', `Use one of its webhooks: ${names}.`)
  const { name, signature, secretFrom } = found
  return { webhook: name, rules: null, signature, secretFrom, title }
}

/** Throws `request_invalid` for rules that contradict themselves. */
export function ownSender(rules: DeliveryRules): Sender {
  const problems = rulesProblems(rules)
  if (problems.length > 0) throw requestInvalid(problems)
  const { signature } = rules
  return { webhook: null, rules, signature, secretFrom: 'user', title: 'the sender' }
}

function webhookNotFound(type: string, webhook: string, fix: string): ConnectError {
  return new ConnectError('webhook_not_found', { details: { type, webhook, fix } })
}

/** Throws `receiver_secret_invalid`. The secret is in no message. */
export function checkSecret({ signature, title }: Sender, secret: string): void {
  const reason = secretProblem(signature, secret)
  if (reason !== undefined)
    throw new ConnectError('receiver_secret_invalid', { details: { sender: title, reason } })
}

function secretProblem(signature: WebhookSignature, secret: string): string | undefined {
  if (secret.trim() !== secret) return 'it begins or ends with a space or a line break'
  if (keyOf(signature, secret) !== undefined) return undefined
  return signature.secret === 'whsec'
    ? 'it must be `whsec_` and the Base64 of at least 16 bytes'
    : 'it is empty'
}
