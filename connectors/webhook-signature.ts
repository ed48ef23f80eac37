import { z } from 'zod'

const headerName = z
  .string()
  .regex(/^[a-z0-9-]{1,100}$/, 'must be the name of a header, in lower case')

/**
 * How a vendor signs what it sends to a webhook: an HMAC over the bytes of the body, with what else is
 * signed. Vendors differ in nothing else, so this is data: a descriptor has it, and a receiver of your own
 * takes it from its configuration.
 */
export const webhookSignatureSchema = z.strictObject({
  header: headerName.meta({ description: 'The header with the signature.' }),
  algorithm: z.enum(['sha1', 'sha256', 'sha512']),
  encoding: z.enum(['hex', 'base64']),
  form: z.enum(['one', 'list', 'pairs']).meta({
    description:
      'What the header holds. `one`: a signature. `list`: some, with spaces between them. `pairs`: `t=1700000000,v1=…`, in which some may have the same name.',
  }),
  prefix: z.string().max(50).meta({
    description:
      'What stands before a signature: `sha256=`. Of pairs: the name of those that hold a signature.',
  }),
  signed: z
    .string()
    .max(200)
    .refine((text) => text.split('{body}').length === 2, 'must contain {body} once')
    .meta({
      description: 'What is signed, with `{body}`, `{timestamp}` and `{id}`: `{timestamp}.{body}`.',
    }),
  timestamp: z
    .strictObject({
      from: z.string().max(200).meta({
        description:
          '`header:` and the name of a header, `pair:` and the name of a pair, or a JSON pointer into the body.',
      }),
      unit: z.enum(['s', 'ms']),
    })
    .nullable()
    .meta({ description: 'When it was sent; null if the signature covers no time.' }),
  idHeader: headerName.nullable().meta({ description: 'The header with what `{id}` stands for.' }),
  secret: z.enum(['text', 'whsec']).meta({
    description:
      'The key of the HMAC. `text`: the secret as it is. `whsec`: the bytes whose Base64 stands after `whsec_`.',
  }),
})
export type WebhookSignature = Readonly<z.output<typeof webhookSignatureSchema>>

/** https://www.standardwebhooks.com: the signature that we send ourselves, and that many vendors send. */
export const standardWebhooks: WebhookSignature = {
  header: 'webhook-signature',
  algorithm: 'sha256',
  encoding: 'base64',
  form: 'list',
  prefix: 'v1,',
  signed: '{id}.{timestamp}.{body}',
  timestamp: { from: 'header:webhook-timestamp', unit: 's' },
  idHeader: 'webhook-id',
  secret: 'whsec',
}
