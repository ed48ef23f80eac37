import type { WebhookSignature } from '../../connectors/webhook-signature.ts'
import { signedHeaders } from '../../service/webhooks/signature/sign.ts'
import { problemOf } from '../../service/webhooks/signature/verify.ts'

const secret = 'reactor-connect-live-secret'

type Headers = Readonly<Record<string, string>>

/** The vendors' own code that verifies a delivery. Loaded when it is needed: each is a whole SDK. */
const theirs: Readonly<Record<string, (headers: Headers, body: string) => Promise<boolean>>> = {
  stripe: async (headers, body) => {
    const { default: Stripe } = await import('stripe')
    const { signature } = new Stripe('sk_test_x').webhooks
    const header = headers['stripe-signature'] ?? ''
    return signature?.verifyHeader(body, header, secret, 300) ?? false
  },
  github: async (headers, body) => {
    const { verify } = await import('@octokit/webhooks-methods')
    return verify(secret, body, headers['x-hub-signature-256'] ?? '')
  },
  slack: async (headers, body) => {
    const { isValidSlackRequest } = await import('@slack/bolt')
    return isValidSlackRequest({
      signingSecret: secret,
      body,
      headers: {
        'x-slack-signature': headers['x-slack-signature'] ?? '',
        'x-slack-request-timestamp': Number(headers['x-slack-request-timestamp']),
      },
    })
  },
  linear: async (headers, body) => {
    const { LinearWebhookClient } = await import('@linear/sdk/webhooks')
    const client = new LinearWebhookClient(secret)
    return client.verify(Buffer.from(body), headers['linear-signature'] ?? '')
  },
}

/** A delivery that is signed as the descriptor says is genuine for the vendor's own code, and for ours. */
export async function checkSignature(
  type: string,
  signature: WebhookSignature,
): Promise<undefined> {
  const nowMs = Date.now()
  const body = JSON.stringify({ webhookTimestamp: nowMs, amount: '1.0 €' })
  const headers = signedHeaders(signature, Buffer.from(body), { secret, nowMs, id: '' })
  const isGenuine = await theirs[type]?.(headers, body)
  if (isGenuine !== true) throw new Error('the vendor’s own code does not take it for genuine')
  const header = (name: string): string | undefined => headers[name]
  const options = { secrets: [secret], nowMs, windowMs: 60_000 }
  const ours = problemOf(signature, { header, body: Buffer.from(body) }, options)
  if (ours !== undefined) throw new Error(`the receiver refuses it: ${ours}`)
  const forged = { header, body: Buffer.from(`${body} `) }
  if (problemOf(signature, forged, options) !== 'signature_wrong')
    throw new Error('the receiver takes another body for genuine')
}
